# The worker's image. Wheels only, hashed; no compiler, no shell needed, no root.
# Build for the task's architecture: docker build --platform linux/arm64 .
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS install
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /install
COPY requirements/worker.txt .
RUN pip install --require-hashes --only-binary=:all: --no-deps --no-compile --target /app -r worker.txt
COPY src/timmybot /app/timmybot
RUN printf '#!/usr/local/bin/python\nimport sys\nfrom timmybot.entrypoints.cli import main\nsys.exit(main())\n' \
      > /install/timmybot \
 && chmod 0755 /install/timmybot \
 && python -m compileall -q /app

FROM ${BASE}
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=install /install/timmybot /usr/local/bin/timmybot
COPY --from=install /app /app
USER 10001:10001
ENTRYPOINT ["timmybot"]
CMD ["worker"]
