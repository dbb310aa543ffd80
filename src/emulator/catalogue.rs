//! What the endpoint supports, as a page: made from the services' own operation tables, so that it cannot be wrong.

use super::fabric::Fabric;

/// What is not AWS's: written here, next to the paths that `front` serves.
const OWN_PATHS: &str = "
## The endpoint's own paths
| path | what it is |
|---|---|
| `GET /_localstack/health` | the services, as LocalStack writes them |
| `GET /_vaultscope/clock` | simulated time, rate, whether it is paused |
| `POST /_vaultscope/clock` | `{\"rate\": 60}`, `{\"paused\": true}`, `{\"step_seconds\": 30}` |
| `GET /_vaultscope/trace` | the newest hops of deliveries |
| `GET /_vaultscope/trace?about=KEY` | the hops of the events that speak of an object, by its percent-encoded key |
| `GET /_vaultscope/faults` | the faults, each with how often it has struck |
| `POST /_vaultscope/faults` | adds a fault |
| `DELETE /_vaultscope/faults`, `DELETE /_vaultscope/faults/ID` | removes all of them, or one |
| `GET /_vaultscope/state` | how many of what every service holds, and the data folder |
| `POST /_vaultscope/reset` | empties the endpoint: no resources, no faults, the clock at the present and at its first rate; what runs is ended |
| `GET /_vaultscope/snapshot` | the snapshots in the data folder |
| `POST /_vaultscope/snapshot` | `{\"name\": \"before\"}`: copies the whole state as it is now |
| `POST /_vaultscope/restore` | `{\"name\": \"before\"}`: puts that state in the place of the present one |
| `DELETE /_vaultscope/snapshot/NAME` | removes a snapshot |

Snapshots need an endpoint with `--data-dir`. What is asked of the endpoint while it is emptied or restored is answered with `503`.
A snapshot holds the files of shares whose folder is in the data folder; a folder that you chose stays as it is, and after a
restore the share uploads and announces what the bucket then lacks.

Topics post to `http` endpoints on this machine alone (`localhost`, `127.0.0.0/8`, `[::1]`), once these have confirmed.

A fault is a JSON object such as `{\"kind\": \"throttle\", \"service\": \"logs\", \"operation\": \"FilterLogEvents\", \"rate\": 0.3}`:

| member | what it says |
|---|---|
| `kind` | `throttle`: the service's own throttling error · `delay`: an answer that many milliseconds late, in real time · `error`: the service's own internal failure · `duplicate`: a delivery arrives twice · `drop`: a delivery is lost once and comes with the sender's next attempt · `fail`: an invocation of a function ends with a function error |
| `service` | its name below, of deliveries that of the target; `*`, the default, is every one |
| `operation` | of calls: one operation; left out, every one |
| `callers` | of calls: `all`, `clients`, or `functions` (those that the endpoint runs); calls between the endpoint's services are never struck |
| `target` | of `duplicate` and `drop`: the ARN that is delivered to; `*` and `?` are wildcards |
| `function` | of `fail`: the function's name; `*` and `?` are wildcards |
| `delay_ms` | of `delay`: how late |
| `rate` | the share that is struck, 0 to 1; left out, all |
| `count` | how often it strikes before it rests; left out, without end |
| `seed` | of the draws: the same faults, calls and seed give the same outcome again |

A `StartLiveTail` session tells once a second and ends after three hours of real time, however the clock runs: the
client's connection lives in real time. Clients put `stream-` before the host for it, which no loopback name
resolves: switch that off (`inject_host_prefix=False` in botocore's `Config`), or take it off again.
";

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
    page.push_str(OWN_PATHS);
    for service in fabric.services() {
        let interface = service.interface();
        let mut operations = [service.operations(), service.streams()].concat();
        operations.sort_unstable();
        page.push_str(&format!("\n## {} (`{}`)\n", interface.title, interface.id));
        page.push_str(&operations.join(", "));
        page.push('\n');
    }
    page
}
