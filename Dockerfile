# Mayfly in a container: docs/container.md. Both bases are named once, here; a release gives them with their digests:
#   --build-arg BUILD_IMAGE=docker.io/library/node:24.21.0-bookworm@sha256:...
ARG BUILD_IMAGE=docker.io/library/node:24.21.0-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS manifests
WORKDIR /mayfly
COPY package.json package-lock.json .npmrc ./
COPY tools/node/package.json tools/node/

# What the program needs at run time. Without workspaces: they would bring a second Node.js. Without scripts, but the one that
# compiles what speaks PKCS#11, of which the result alone stays; the headers for it are those of the image's own Node.js. A
# registry of one's own comes as a secret, so that no layer keeps its password; without it the file is not there, and npm takes
# its defaults.
FROM manifests AS dependencies
RUN --mount=type=secret,id=npmrc \
    NPM_CONFIG_USERCONFIG=/run/secrets/npmrc npm ci --omit=dev --workspaces=false --ignore-scripts
RUN npm_config_nodedir=/usr/local npm rebuild --workspaces=false --ignore-scripts=false pkcs11js \
    && find node_modules/pkcs11js/build -mindepth 1 \
      ! -path '*/build/Release' ! -path '*/build/Release/pkcs11.node' -delete

# The image holds what the package holds (`files` of package.json) and nothing else of this repository.
FROM manifests AS package
RUN --mount=type=secret,id=npmrc \
    NPM_CONFIG_USERCONFIG=/run/secrets/npmrc npm ci --workspaces=false --ignore-scripts
COPY . .
RUN npm pack --loglevel=error --pack-destination /tmp \
    && mkdir -p /image/app \
    && tar -xzf /tmp/mayfly-*.tgz --strip-components=1 --no-same-owner -C /image/app \
    && install -d -m 0700 -o 65532 -g 65532 /volume/data

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="Mayfly" \
      org.opencontainers.image.description="An ephemeral certificate authority that speaks Fulcio's API and logs every certificate before anyone sees it" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=manifests /usr/local/bin/node /usr/local/bin/node
COPY --from=dependencies /mayfly/node_modules /app/node_modules
COPY --from=package /image/ /
# The mode and the owner that the volume starts with.
COPY --from=package --chown=65532:65532 /volume/ /
ENV NODE_ENV=production
# By number: Kubernetes' runAsNonRoot cannot judge a name.
USER 65532:65532
WORKDIR /app
VOLUME /data
EXPOSE 5555 2112
STOPSIGNAL SIGTERM
# No HEALTHCHECK: OCI images have none, and only the configuration knows where /livez and /readyz are.
# The settings of V8 and of the C library are those of src/bin.ts, where their reasons stand.
ENV MALLOC_ARENA_MAX=2
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=16", "--no-concurrent-recompilation", "/app/dist/bin.js"]
CMD ["serve", "--config", "/etc/mayfly/mayfly.yaml"]
