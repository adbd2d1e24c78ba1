# One image for every process: web, worker, relay, beat and the migrations. See docker-compose.yml.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1

WORKDIR /app
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin crm

# requirements-train.txt instead gives an image that can also retrain the reader.
ARG REQUIREMENTS=requirements.txt
COPY requirements*.txt ./
RUN pip install --disable-pip-version-check -r "$REQUIREMENTS"

COPY . .
# Nothing is reached at build time: the addresses only say that this is not the embedded run.
RUN SECRET_KEY=build DATABASE_URL=postgres://build/build REDIS_URL=redis://build python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q config crm leads routing store triage

# A volume laid over it is owned as it is.
RUN mkdir -p var/models && chown -R crm var

USER crm
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "manage.py", "web"]
