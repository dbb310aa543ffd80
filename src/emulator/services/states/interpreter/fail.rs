//! The Fail state.

use super::strand::Strand;
use super::{Fault, Visit};
use crate::emulator::services::states::asl::Failing;
use crate::emulator::services::states::history::Failure;

impl<'r> Strand<'r> {
    /// The failure that a Fail state makes.
    pub(super) fn fail(&mut self, visit: &Visit<'r>, failing: &Failing) -> Fault {
        let input = visit.input.value.clone();
        let mut text =
            |field: &str, text: Option<&_>| text.map(|text| self.text(visit, field, text, &input)).transpose();
        let error = match text("Error", failing.error.as_ref()) {
            Ok(error) => error,
            Err(fault) => return fault,
        };
        match text("Cause", failing.cause.as_ref()) {
            Ok(cause) => Fault::failed(Failure { error, cause }),
            Err(fault) => fault,
        }
    }
}
