# Two stages: what is needed to install stays in the first. docs/operations.md tells how to run the image.

FROM python:3.11-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/suggest

# requirements.lock holds the tools for tests and for building too; what runs needs the names below and what they need.
# First everything by its hash, so that the wheel is built with locked tools; then a second environment without them.
COPY requirements.lock ./
RUN python -m venv /opt/tools \
    && /opt/tools/bin/pip install --only-binary :all: --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE manifest.yml ./
COPY bot bot
COPY cli cli
COPY handlers handlers
COPY playground playground
COPY storage storage
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels .
COPY deploy/runtime_lock.py ./
RUN /opt/tools/bin/python runtime_lock.py requirements.lock /wheels/*.whl > runtime.lock \
    && /opt/suggest/bin/pip install --only-binary :all: --no-deps --require-hashes -r runtime.lock \
    && /opt/suggest/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/suggest/bin/pip check \
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
