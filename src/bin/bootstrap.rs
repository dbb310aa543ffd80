//! The executable that AWS Lambda starts: a lean main around the functions, on one thread, as Lambda runs one
//! invocation at a time. It must not need anything but the environment that Lambda gives it.
#![expect(clippy::print_stderr, reason = "Lambda logs the standard error of an executable that ends")]

use std::process::ExitCode;

use vaultscope::functions::serve;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        // In words, which name the handlers that there are: `deploy --bootstrap` knows the executable by these names.
        Err(error) => {
            eprintln!("bootstrap: {error}");
            ExitCode::FAILURE
        }
    }
}
