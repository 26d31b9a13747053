# Two stages: the first installs with pip and compiles the kernel, the second holds only what serving needs.
# docker build -t tagdesk .
# docker run -p 8080:8080 -v /etc/tagdesk:/etc/tagdesk:ro -e TAGDESK_KEYS_FILE=/etc/tagdesk/keys.json tagdesk
# docker run -p 127.0.0.1:8080:8080 -e TAGDESK_ALLOW_NO_KEYS=true tagdesk     # to try it, without keys

FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/tagdesk
COPY requirements/serve.txt requirements/serve.txt
RUN /opt/tagdesk/bin/pip install --no-cache-dir --require-hashes -r requirements/serve.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY models models
COPY service service
RUN /opt/tagdesk/bin/pip install --no-cache-dir --no-deps --no-build-isolation .
ENV NUMBA_CACHE_DIR=/opt/tagdesk/numba
RUN /opt/tagdesk/bin/python -c "from models import Article, load; load().tag(Article(body='Troops left the town.'))"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/tagdesk --create-home tagdesk
COPY --from=build --chown=tagdesk /opt/tagdesk /opt/tagdesk
ENV PATH=/opt/tagdesk/bin:$PATH \
    MALLOC_ARENA_MAX=2 \
    NUMBA_CACHE_DIR=/opt/tagdesk/numba \
    TAGDESK_HOST=0.0.0.0 \
    TAGDESK_STORE=/var/lib/tagdesk/models
WORKDIR /var/lib/tagdesk
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
CMD ["python", "-m", "service"]
