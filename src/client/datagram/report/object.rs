//! What a ping of datagrams came to in, the fields of its JSON line out.

use std::net::{IpAddr, SocketAddr};

use serde::{Serialize, Serializer};

use super::DatagramReport;
use crate::client::datagram::event::DatagramLoss;
use crate::schema::{in_micros, some_address};
use crate::times::Figures;

impl Serialize for DatagramReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Flow {
            local_port: u16,
            sent: u64,
            received: u64,
            lost: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            p50_us: Option<f64>,
        }

        #[derive(Serialize)]
        struct Complaint {
            cause: DatagramLoss,
            #[serde(skip_serializing_if = "Option::is_none")]
            by: Option<IpAddr>,
            datagrams: u64,
        }

        #[derive(Serialize)]
        struct Returned {
            tos: u8,
            datagrams: u64,
        }

        #[derive(Serialize)]
        #[serde(tag = "event", rename = "summary")]
        struct Summary {
            #[serde(flatten, serialize_with = "some_address")]
            peer: Option<SocketAddr>,
            sent: u64,
            received: u64,
            lost: u64,
            late: u64,
            unanswered: u64,
            returned_bytes: u64,
            duplicates: u64,
            reordered: u64,
            max_reordering: u64,
            corrupt: u64,
            truncated: u64,
            foreign: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            foreign_from: Option<SocketAddr>,
            silent: u64,
            unsent: u64,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            icmp: Vec<Complaint>,
            dropped_here: u64,
            loss_runs: u64,
            longest_loss: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            hops: Option<u8>,
            path_changes: u64,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            tos: Vec<Returned>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rtt_us: Option<Figures>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ipdv_us: Option<Figures>,
            flows: Vec<Flow>,
        }
        let flows = self.flows.iter().map(|(&local_port, flow)| Flow {
            local_port,
            sent: flow.sent,
            received: flow.received,
            lost: flow.lost,
            p50_us: (flow.rtt.count() > 0).then(|| in_micros(flow.rtt.quantile(0.5))),
        });
        let complaints = self.complaints.iter();
        let icmp = complaints.map(|(&(cause, by), &datagrams)| Complaint { cause, by, datagrams });
        Summary {
            peer: self.peer,
            sent: self.sent,
            received: self.received,
            lost: self.lost,
            late: self.late,
            unanswered: self.unanswered(),
            returned_bytes: self.bytes,
            duplicates: self.duplicates,
            reordered: self.reordered,
            max_reordering: self.max_reordering,
            corrupt: self.corrupt,
            truncated: self.truncated,
            foreign: self.foreign,
            foreign_from: self.foreign_from,
            silent: self.silent,
            unsent: self.unsent,
            icmp: icmp.collect(),
            dropped_here: self.dropped_here,
            loss_runs: self.loss_runs(),
            longest_loss: self.longest_loss(),
            hops: self.hops,
            path_changes: self.path_changes,
            tos: self.tos.iter().map(|(&tos, &datagrams)| Returned { tos, datagrams }).collect(),
            rtt_us: self.rtt.figures(),
            ipdv_us: self.ipdv.figures(),
            flows: flows.collect(),
        }
        .serialize(serializer)
    }
}
