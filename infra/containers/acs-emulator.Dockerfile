# The ACS emulator, built from this repository alone:
# docker build -f infra/containers/acs-emulator.Dockerfile -t acs-emulator .
FROM rust:1.95.0-bookworm AS build
# The image has this toolchain; without the variable, rustup would install that of rust-toolchain.toml.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /source
COPY . .
# The binary is static, so the image needs no libc.
RUN target=$(rustc -vV | sed -n 's/^host: //p') && \
    RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --locked --release --package acs-emulator --target "$target" && \
    install -D -m 755 "target/$target/release/acs-emulator" /image/acs-emulator && \
    install -d -m 700 /image/data

FROM scratch
COPY --from=build --chown=65532:65532 /image /
USER 65532:65532
# In a container, only its ports that are published or in its network can be reached.
ENV ACS_EMULATOR_HOST=0.0.0.0 \
    ACS_EMULATOR_I_KNOW_THIS_IS_AN_EMULATOR=1 \
    ACS_EMULATOR_PORT=8080 \
    ACS_EMULATOR_HTTPS_PORT=8443 \
    ACS_EMULATOR_DATA=/data
VOLUME /data
EXPOSE 8080 8443
HEALTHCHECK --interval=2s --timeout=3s --start-period=30s --retries=3 CMD ["/acs-emulator", "--check-health"]
ENTRYPOINT ["/acs-emulator"]
