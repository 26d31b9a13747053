# docker build -t tagdesk .                               the service
# docker build -t tagdesk-train --target train .          what trains and retrains, too
# docker run -p 127.0.0.1:8080:8080 -v tagdesk:/var/lib/tagdesk -e TAGDESK_ALLOW_NO_KEYS=true tagdesk    # to try it, without keys
# docs/deploy.md has the rest: keys, PostgreSQL, a read-only root, Compose, Kubernetes.

# The digest is that of 3.13.15 on Debian trixie, September 2026; the newest: docker buildx imagetools inspect python:3.13-slim
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS base

# Installs what serving needs, then Tagdesk, and compiles.
FROM base AS build
WORKDIR /src
RUN python -m venv /opt/tagdesk
COPY requirements/serve.txt requirements/serve.txt
RUN /opt/tagdesk/bin/pip install --no-cache-dir --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
COPY archive archive
COPY formats formats
COPY models models
COPY service service
COPY training training
RUN /opt/tagdesk/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
# For every processor of its kind: what is compiled for the builder's own would be compiled again on another at each start.
ENV NUMBA_CACHE_DIR=/opt/tagdesk/numba NUMBA_CPU_NAME=generic
RUN /opt/tagdesk/bin/tagdesk compile
COPY deploy/image/entrypoint /opt/tagdesk/bin/entrypoint

# The same, and what training needs.
FROM build AS build-train
COPY requirements/train.txt requirements/train.txt
RUN /opt/tagdesk/bin/pip install --no-cache-dir --require-hashes -r requirements/train.txt

# All of it is root's and can be read by everybody, so it runs as any user. Only the volume is written to: by user 10001, and
# by any user of the group 0.
FROM base AS run
RUN useradd --system --uid 10001 --gid 0 --home-dir /var/lib/tagdesk --no-create-home tagdesk \
    && install -d -o 10001 -g 0 -m 0770 /var/lib/tagdesk
ENV PATH=/opt/tagdesk/bin:$PATH \
    MALLOC_ARENA_MAX=2 \
    TAGDESK_STORE=/var/lib/tagdesk/models \
    TAGDESK_DATABASE_URL=/var/lib/tagdesk/ledger.sqlite
WORKDIR /var/lib/tagdesk
VOLUME /var/lib/tagdesk
USER 10001
ENTRYPOINT ["/opt/tagdesk/bin/entrypoint"]

FROM run AS train
COPY --from=build-train /opt/tagdesk /opt/tagdesk
CMD ["tagdesk", "retrain", "--publish"]

FROM run AS serve
COPY --from=build /opt/tagdesk /opt/tagdesk
ENV TAGDESK_HOST=0.0.0.0
EXPOSE 8080
# By the shell: a Python of its own every ten seconds would take thirty times as long.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${TAGDESK_PORT:-8080} && printf 'GET /readyz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == *' 200 '* ]]"]
CMD ["tagdesk", "serve"]
