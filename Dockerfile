# The image holds the executable, its licences, glibc and an empty /data. It runs as nobody, with a read-only root if you like.
# Try it: docker build -t qwen-gateway . && docker run --rm --read-only -p 8787:8787 -v qwen-gateway:/data qwen-gateway
# For two architectures: docker buildx build --platform linux/amd64,linux/arm64 .

# Whatever the image is for, this machine builds it: nothing is emulated.
FROM --platform=$BUILDPLATFORM node:22-slim AS build
ARG TARGETARCH
WORKDIR /source
RUN npm install --global bun@1.4.5
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile
COPY . .
RUN mkdir -p /image/data && bun scripts/write-licenses.ts /image/THIRD_PARTY_LICENSES
RUN bun run build ${TARGETARCH:+--target=bun-linux-$TARGETARCH}

FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /source/dist/qwen-gateway /qwen-gateway
COPY --from=build /source/LICENSE /image/THIRD_PARTY_LICENSES /licenses/
COPY --from=build --chown=65532:65532 /image/data /data
# The last five keep the program from replacing itself once at each start, health checks included.
ENV HOST=0.0.0.0 \
    DATA_DIR=/data \
    GENERATE_API_KEY=true \
    BUN_CONFIG_MAX_HTTP_REQUESTS=65336 \
    BUN_JSC_heapGrowthFunctionThresholdInMB=1000000000 \
    BUN_JSC_useFTLJIT=0 \
    BUN_JSC_largeHeapSize=16777216 \
    NODE_ENV=production
USER 65532:65532
VOLUME /data
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/qwen-gateway", "healthcheck"]
ENTRYPOINT ["/qwen-gateway"]
