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
