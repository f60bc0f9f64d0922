# syntax=docker/dockerfile:1

# One static binary on nothing else: no shell, no package manager, no other
# user than the one it runs as.

FROM golang:1.26.8-alpine3.23 AS build
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOCACHE=/cache/build GOMODCACHE=/cache/modules
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache go mod download
COPY . .
ARG VERSION=dev
# timetzdata: the calendar needs zones, and there is no /usr/share/zoneinfo here.
RUN --mount=type=cache,target=/cache \
    go build -trimpath -buildvcs=false -tags timetzdata,nomsgpack \
    -ldflags "-s -w -X main.version=${VERSION}" -o /out/kibali ./cmd/kibali
# A volume mounted here belongs to the user from the start.
RUN mkdir -p /out/data/documents /out/tmp && chmod 1777 /out/tmp

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="Kibali" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/kibali /kibali
COPY --from=build /out/tmp /tmp
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# The API, and health with metrics.
EXPOSE 8080 9090
ENTRYPOINT ["/kibali"]
CMD ["serve"]
