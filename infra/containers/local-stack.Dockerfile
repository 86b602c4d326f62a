# The whole service with its local stack, built from this repository alone:
# docker build -f infra/containers/local-stack.Dockerfile -t guestpass-local .
FROM rust:1.95.0-bookworm AS build
# The image has this toolchain; without the variable, rustup would install that of rust-toolchain.toml.
ENV RUSTUP_TOOLCHAIN=1.95.0
# The release profile is for the size of zips; for an image, it would only take longer.
ENV CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
WORKDIR /source
COPY . .
# The stack finds the functions beside itself.
RUN packages=$(cd functions && printf -- '--package %s ' *) && \
    cargo build --locked --release --package local-stack $packages && \
    install -d -m 755 /image/app/infra && \
    install -d -m 700 /image/data && \
    install -m 755 target/release/local-stack /image/app && \
    (cd functions && for name in *; do install -m 755 "../target/release/$name" /image/app; done) && \
    install -m 644 infra/template.yaml /image/app/infra

# glibc, whose resolver a real identity provider needs, and no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build --chown=65532:65532 /image /
USER 65532:65532
# The stack keeps tables, keys and logs in the working directory.
WORKDIR /data
VOLUME /data
# The gateway and the token issuer; all other services can only be reached inside the container.
EXPOSE 3000 3002
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s --retries=3 CMD ["/app/local-stack", "--check-health"]
ENTRYPOINT ["/app/local-stack", "--host", "0.0.0.0", "--template", "/app/infra/template.yaml"]
