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
    let arrival = arrival(local_port, millis);
    report.note(&DatagramEvent::Reply { peer, sequence, arrival });
}

fn arrival(local_port: u16, millis: u64) -> ProbeArrival {
    let rtt = Duration::from_millis(millis);
    ProbeArrival { bytes: 64, rtt, local_port, reordered_by: None, tos: None, hops: None }
}

#[test]
fn losses_one_after_the_other_are_one_run() {
    let mut report = DatagramReport::default();
    for sequence in [3, 4, 5, 7, 9, 10] {
        lost(&mut report, sequence, 1);
    }
    assert_eq!((report.lost, report.loss_runs(), report.longest_loss()), (6, 3, 3));
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

#[test]
fn late_probes_are_in_no_run_of_lost_ones() {
    let peer = "192.0.2.9:7".parse().unwrap();
    let mut report = DatagramReport::default();
    for sequence in 1..=5 {
        lost(&mut report, sequence, 1);
        if sequence >= 3 {
            let arrival = arrival(1, 300);
            report.note(&DatagramEvent::Late { peer, sequence: sequence - 2, arrival });
        }
    }
    assert_eq!((report.lost, report.late, report.silent), (2, 3, 2));
    assert_eq!((report.loss_runs(), report.longest_loss()), (1, 2));
    assert_eq!((report.flows[&1].lost, report.unanswered()), (2, 0));
}

#[test]
fn what_was_told_of_a_probe_does_not_count_as_its_end_when_it_is_back() {
    let [peer, from]: [SocketAddr; 2] =
        ["192.0.2.9:7", "192.0.2.7:7"].map(|text| text.parse().unwrap());
    let local_port = 1;
    let lost =
        |loss, by| DatagramEvent::Lost { peer, sequence: 1, local_port, loss, by, error: None };
    let (offset, returned_bytes, first) = (2, 64, true);
    let corrupt = |sequence| DatagramEvent::Corrupt {
        peer,
        sequence,
        taken_for: Some(1),
        offset,
        returned_bytes,
        first,
    };
    for told in [
        DatagramEvent::Foreign { peer, sequence: 1, from, first },
        DatagramEvent::Truncated { peer, sequence: 1, sent_bytes: 64, returned_bytes: 9, first },
        corrupt(Some(1)),
        corrupt(None),
        lost(DatagramLoss::Timeout, None),
        lost(DatagramLoss::Here, None),
        lost(DatagramLoss::Refused, Some(peer.ip())),
    ] {
        for late in [false, true] {
            let mut report = DatagramReport::default();
            for sequence in [1, 2] {
                report.note(&DatagramEvent::Sent { peer, sequence, local_port });
            }
            report.note(&told);
            let ended = (report.lost + report.ended, report.unanswered(), report.flows[&1].lost);
            assert_eq!(ended, (1, 1, report.lost), "{told:?}");
            let (sequence, arrival) = (1, arrival(local_port, 1));
            report.note(&if late {
                DatagramEvent::Late { peer, sequence, arrival }
            } else {
                DatagramEvent::Reply { peer, sequence, arrival }
            });
            assert_eq!((report.received, report.late), (!late as u64, late as u64), "{told:?}");
            let lost = [report.lost, report.silent, report.unsent, report.flows[&1].lost];
            assert_eq!((lost, report.unanswered()), ([0; 4], 1), "{told:?}");
            assert!(report.complaints.is_empty() && report.loss_runs() == 0, "{told:?}");
            // That something came otherwise is not undone.
            let odd = report.foreign + report.truncated + report.corrupt;
            assert_eq!(odd, !matches!(told, DatagramEvent::Lost { .. }) as u64, "{told:?}");
        }
    }
}
