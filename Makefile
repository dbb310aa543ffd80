# `make check` is what CI runs on the sources; `.ci/run` adds the real binary, other clients and the benchmark.
.PHONY: check fmt lint test docs bench

check: fmt lint test docs

fmt:
	cargo fmt --check

lint:
	cargo clippy --all-targets -- -D warnings

test:
	cargo test

docs:
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

bench:
	cargo bench

# The functions for AWS Lambda: `make functions` for x86-64, `make functions ARCH=aarch64` for arm64. Built against the C
# library of Amazon Linux 2023 with whatever of cargo-lambda and cargo-zigbuild is there; else as it is, where this
# machine's own C library is no newer. `vaultscope deploy --bootstrap` checks the outcome.
.PHONY: functions
ARCH ?= x86_64
functions:
	@if cargo lambda --version >/dev/null 2>&1; then \
		cargo lambda build --release --bin bootstrap $(if $(filter aarch64,$(ARCH)),--arm64,--x86-64) && built=target/lambda/bootstrap/bootstrap; \
	elif cargo zigbuild --version >/dev/null 2>&1; then \
		cargo zigbuild --release --bin bootstrap --target $(ARCH)-unknown-linux-gnu.2.34 && built=target/$(ARCH)-unknown-linux-gnu/release/bootstrap; \
	elif [ "$$(uname -sm)" = "Linux $(ARCH)" ]; then \
		cargo build --release --bin bootstrap && built=target/release/bootstrap; \
	else \
		echo "building for Linux on $(ARCH) needs cargo-lambda or cargo-zigbuild here: pip install cargo-lambda" >&2; exit 1; \
	fi && echo "deploy it with: vaultscope deploy --bootstrap $$built"
