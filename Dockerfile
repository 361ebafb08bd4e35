# Two stages: what is needed to install stays in the first. docs/operations.md tells how to run the image.

FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/suggest

# requirements.lock is whole and names what builds the wheel, too: nothing is resolved, nothing else is fetched.
COPY requirements.lock ./
RUN /opt/suggest/bin/pip install --only-binary :all: --no-deps --require-hashes -r requirements.lock \
    && /opt/suggest/bin/pip check

COPY pyproject.toml README.md LICENSE manifest.yml ./
COPY bot bot
COPY cli cli
COPY handlers handlers
COPY playground playground
COPY storage storage
RUN /opt/suggest/bin/pip install --no-deps --no-build-isolation --no-index . \
    && /opt/suggest/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin suggest \
    && install --directory --owner suggest --group suggest --mode 0700 /data
COPY --from=build /opt/suggest /opt/suggest
ENV PATH=/opt/suggest/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SUGGEST_LOG_FORMAT=json
USER suggest
WORKDIR /data
VOLUME /data
EXPOSE 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9090/healthz', timeout=4)"]
ENTRYPOINT ["suggest"]
CMD ["serve", "--health", "0.0.0.0:9090"]
