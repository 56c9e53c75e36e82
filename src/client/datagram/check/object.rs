//! What was found of datagrams at an address in, the fields of its JSON line out.

use serde::{Serialize, Serializer};

use super::checked::DatagramChecked;
use super::diagnosis::DatagramDiagnosis;
use crate::address::Endpoint;

impl Serialize for DatagramChecked {
    /// The fields of the struct, and what follows from them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "event", rename = "check")]
        struct Check<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            target: Option<String>,
            #[serde(flatten, serialize_with = "DatagramChecked::serialize")]
            fields: &'a DatagramChecked,
            verdict: &'static str,
            ok: bool,
            diagnosis: DatagramDiagnosis,
        }
        Check {
            target: self.target.as_ref().map(Endpoint::to_string),
            fields: self,
            verdict: self.verdict(),
            ok: self.is_well(),
            diagnosis: self.diagnosis(),
        }
        .serialize(serializer)
    }
}
