# The container of the stack s3tar: `vaultscope s3tar-task`, and nothing else that would have to be kept up.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake clang make perl pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin vaultscope

FROM debian:bookworm-slim
# The certificates that S3's are checked against.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --uid 10001 s3tar
COPY --from=build /build/target/release/vaultscope /usr/local/bin/vaultscope
USER s3tar
ENTRYPOINT ["vaultscope", "s3tar-task"]
