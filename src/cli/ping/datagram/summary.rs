//! A report of datagrams in, its summary as text for 80 columns out.

use std::net::SocketAddr;

use echo6::address::Families;
use echo6::client::DatagramReport;

use crate::cli::ping::summary::{figures, head, histogram, times_so_far};
use crate::cli::text::{count, millis};

/// One line with the figures so far.
pub(super) fn so_far(peer: SocketAddr, report: &DatagramReport) -> String {
    format!("{peer}: {}{}", counts(report), times_so_far(&report.rtt))
}

/// The figures of one address; with `verbose` a histogram too.
pub(super) fn summary(
    peer: SocketAddr,
    report: &DatagramReport,
    tos: Option<u8>,
    verbose: bool,
) -> String {
    let family = Families::of(peer);
    let mut text = format!("--- {peer} ({family}, UDP) ---\n{}\n", counts(report));
    text += &losses(report);
    if let (Some(from), true) = (report.foreign_from, report.foreign > 0) {
        text += &format!("replies came from {from}, but {peer} was asked\n");
    }
    if let Some(tos) = tos {
        text += &marks(tos, report);
    }
    if report.path_changes > 0 {
        text += &format!("the path changed {}\n", count(report.path_changes, "time"));
    }
    text += &flows(report);
    if report.rtt.count() > 0 {
        text += &head();
        text += &figures("rtt", &report.rtt);
        if report.ipdv.count() > 0 {
            text += &figures("ipdv", &report.ipdv);
        }
    }
    if verbose {
        text += &histogram(&report.rtt);
    }
    text
}

fn counts(report: &DatagramReport) -> String {
    let DatagramReport { sent, received, lost, late, .. } = report;
    let mut text = format!("{sent} sent, {received} received, {lost} lost, {late} late");
    for (number, what) in [
        (report.duplicates, "duplicate"),
        (report.corrupt, "corrupt"),
        (report.truncated, "truncated"),
        (report.foreign, "foreign"),
        (report.unanswered(), "under way"),
    ] {
        if number > 0 {
            text += &format!(", {number} {what}");
        }
    }
    if report.reordered > 0 {
        text += &format!(", {} reordered by up to {}", report.reordered, report.max_reordering);
    }
    text
}

/// Where probes were lost, as far as it is known.
fn losses(report: &DatagramReport) -> String {
    if report.lost + report.dropped_here == 0 {
        return String::new();
    }
    let mut parts = Vec::new();
    if report.silent > 0 {
        parts.push(format!("{} in silence", report.silent));
    }
    for ((cause, by), number) in &report.complaints {
        parts.push(match by {
            Some(by) => format!("{number} by ICMP from {by} ({cause})"),
            None => format!("{number} {cause}"),
        });
    }
    if report.unsent > 0 {
        parts.push(format!("{} not sent by this host", report.unsent));
    }
    if report.dropped_here > 0 {
        let dropped = count(report.dropped_here, "datagram");
        parts.push(format!("{dropped} dropped here, the receive buffer was full"));
    }
    let parts = parts.join(", ");
    if report.lost == 0 {
        return parts + "\n"; // copies of what is back
    }
    let runs = count(report.loss_runs(), "run");
    let longest = report.longest_loss();
    format!("lost in {runs}, the longest {longest}: {parts}\n")
}

/// What came back of the marks.
fn marks(sent: u8, report: &DatagramReport) -> String {
    let total: u64 = report.tos.values().sum();
    let mut parts = Vec::new();
    for (&tos, &number) in &report.tos {
        parts.push(match (tos, tos == sent) {
            (_, true) => format!("{tos:#04x} came back on {number} of {total}"),
            (0, _) => {
                format!("not reflected on {number} of {total}: the server does not copy it, or it was cleared on the way")
            }
            (tos, _) if tos & 3 == 3 && sent & 3 != 3 => {
                format!("CE (congestion) on {number} of {total}")
            }
            _ => format!("{tos:#04x} on {number} of {total}"),
        });
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("tos {sent:#04x}: {}\n", parts.join(", "))
    }
}

/// How many flows are listed one by one.
const LISTED: usize = 32;

/// The ports, if there are several, and what one of them that loses all means.
fn flows(report: &DatagramReport) -> String {
    let flows = &report.flows;
    if flows.len() < 2 || flows.len() > LISTED {
        return String::new();
    }
    let mut text = String::new();
    for (port, flow) in flows {
        let p50 = match flow.rtt.count() {
            0 => String::new(),
            _ => format!(", p50 {} ms", millis(flow.rtt.quantile(0.5))),
        };
        let lost = 100.0 * flow.lost as f64 / flow.sent.max(1) as f64;
        text += &format!("port {port}: {} sent, {lost:.0} % lost{p50}\n", flow.sent);
    }
    match report.dead_flows() {
        0 => {}
        dead => {
            let loses = if dead == 1 { "loses" } else { "lose" };
            text += &format!(
                "{dead} of {} flows {loses} all: one of several paths is broken\n",
                flows.len()
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_were_dropped_here_are_no_run_of_losses() {
        let mut report = DatagramReport::default();
        assert_eq!(losses(&report), "");
        report.dropped_here = 2;
        let full = "2 datagrams dropped here, the receive buffer was full\n";
        assert_eq!(losses(&report), full);
        (report.lost, report.silent) = (1, 1);
        assert!(losses(&report).starts_with("lost in "));
        assert!(losses(&report).ends_with(&format!(": 1 in silence, {full}")));
    }
}
