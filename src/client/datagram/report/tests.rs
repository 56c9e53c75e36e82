//! Events in, counts and times out.

use super::*;

fn lost(report: &mut DatagramReport, sequence: u64, local_port: u16) {
    let peer = "192.0.2.9:7".parse().unwrap();
    let loss = DatagramLoss::Timeout;
    report.note(&DatagramEvent::Sent { peer, sequence, local_port });
    let event = DatagramEvent::Lost { peer, sequence, local_port, loss, by: None, error: None };
    report.note(&event);
}

fn back(report: &mut DatagramReport, sequence: u64, local_port: u16, millis: u64) {
    let peer = "192.0.2.9:7".parse().unwrap();
    report.note(&DatagramEvent::Sent { peer, sequence, local_port });
    let arrival = ProbeArrival {
        bytes: 64,
        rtt: Duration::from_millis(millis),
        local_port,
        reordered_by: None,
        tos: None,
        hops: None,
    };
    report.note(&DatagramEvent::Reply { peer, sequence, arrival });
}

#[test]
fn losses_one_after_the_other_are_one_run() {
    let mut report = DatagramReport::default();
    for sequence in [3, 4, 5, 7, 9, 10] {
        lost(&mut report, sequence, 1);
    }
    assert_eq!((report.lost, report.loss_runs, report.longest_loss), (6, 3, 3));
}

#[test]
fn the_difference_of_two_times_counts_only_if_none_is_missing_between_them() {
    let mut report = DatagramReport::default();
    for (sequence, millis) in [(1, 10), (2, 14), (4, 90), (5, 88)] {
        back(&mut report, sequence, 1, millis);
    }
    let ipdv = &report.ipdv;
    let millis = Duration::from_millis;
    assert_eq!((ipdv.count(), ipdv.min(), ipdv.max()), (2, millis(2), millis(4)));
}

#[test]
fn a_port_that_loses_all_is_dead_if_another_is_not() {
    let mut report = DatagramReport::default();
    lost(&mut report, 1, 1);
    assert_eq!(report.dead_flows(), 0);
    back(&mut report, 2, 2, 1);
    lost(&mut report, 3, 2);
    assert_eq!((report.dead_flows(), report.flows.len()), (1, 2));
}

#[test]
fn ports_without_end_are_not_kept_apart_without_end() {
    let mut report = DatagramReport::default();
    for sequence in 1..=2000 {
        back(&mut report, sequence, sequence as u16, 1);
    }
    assert_eq!((report.flows.len(), report.received), (DatagramReport::FLOWS, 2000));
}
