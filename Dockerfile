# The worker's image. Wheels only, hashed, and one file of C; no compiler, no package manager run, no root, one process.
# Build for the task's architecture: docker build --platform linux/arm64 .
# The tag says which Python, the digest (of the index of all architectures) which bytes; raise both together.
ARG BASE=python:3.13.5-slim-bookworm@sha256:6544e0e002b40ae0f59bc3618b07c1e48064c4faed3a15ae2fbd2e8f663e8283

FROM ${BASE} AS sender
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /sender
COPY requirements/native.txt .
RUN python -m pip install --require-hashes --only-binary=:all: --no-deps -r native.txt
COPY src/timmybot/adapters/discord_voice/sender.c .
RUN python -m ziglang cc -mcpu=baseline -O2 -Wall -Wextra -Werror -shared -fPIC -s -o sender.so sender.c

FROM ${BASE} AS install
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONHASHSEED=0
WORKDIR /install
# worker.txt, or js-runtime.txt: the same and yt-dlp's JavaScript runtime (image_variant in infra/environments.py).
ARG REQUIREMENTS=worker.txt
COPY requirements/${REQUIREMENTS} .
RUN python -m pip install --require-hashes --only-binary=:all: --no-deps --no-compile --target /app -r "${REQUIREMENTS}"
# Left out: the API models of services that a worker never calls, 24 MB that each start would pull; and every program
# that the wheels would put on the path, but for the JavaScript runtime.
RUN find /app/botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name dynamodb ! -name ecs ! -name secretsmanager ! -name sts -exec rm -r {} + \
 && mkdir /install/bin && find /app/bin -name deno -exec mv -t /install/bin {} + && rm -r /app/bin
COPY src/timmybot /app/timmybot
COPY --from=sender /sender/sender.so /app/timmybot/adapters/discord_voice/sender.so
RUN printf '#!/usr/local/bin/python\nimport sys\nfrom timmybot.entrypoints.cli import main\nsys.exit(main())\n' \
      > /install/bin/timmybot \
 && chmod 0755 /install/bin/timmybot \
 && python -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE}
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TIMMYBOT_ALIVE_FILE=/tmp/timmybot-alive \
    DENO_DIR=/tmp/deno
COPY --from=install /install/bin /usr/local/bin
COPY --from=install /app /app
# What ECS mounts over a read-only root takes its owner and its mode from here.
VOLUME /tmp
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
  CMD ["sh", "-c", "test -n \"$(find $TIMMYBOT_ALIVE_FILE -mmin -1)\""]
ENTRYPOINT ["timmybot"]
CMD ["worker"]
