//! The executable that AWS Lambda starts: a lean main around the functions, on one thread, as Lambda runs one
//! invocation at a time. It must not need anything but the environment that Lambda gives it.

use vaultscope::functions::{ServeError, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ServeError> {
    serve().await
}
