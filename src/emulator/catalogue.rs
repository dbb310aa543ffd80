//! What the endpoint supports, as a page: made from the services' own operation tables, so that it cannot be wrong.

use super::fabric::Fabric;

/// The page `docs/emulator.md`.
#[must_use]
pub fn markdown(fabric: &Fabric) -> String {
    let mut page = String::from(
        "# What the embedded endpoint supports\n\n\
         Made by `vaultscope emulator --operations`; a test compares it with the operation tables of the services. Any other\n\
         operation answers `501 NotImplemented` and names itself; members of a supported operation that the endpoint cannot\n\
         honour are refused by name. IAM policies are recorded and returned, not enforced, save for the resource policies of\n\
         functions, log groups and topics, which EventBridge needs.\n",
    );
    for service in fabric.services() {
        let interface = service.interface();
        let mut operations = service.operations().to_vec();
        operations.sort_unstable();
        page.push_str(&format!("\n## {} (`{}`)\n", interface.title, interface.id));
        page.push_str(&operations.join(", "));
        page.push('\n');
    }
    page
}
