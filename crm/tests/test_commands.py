"""What people and deployments do from the command line."""

import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from crm.models import ApiKey, Scope
from triage.models import Job
from triage.services import claim_job, release_leases

ROOT = Path(__file__).resolve().parents[2]


def created_key(*arguments):
    out = StringIO()
    call_command("createkey", *arguments, stdout=out)
    return out.getvalue()


def test_createkey_prints_a_key_that_works_and_nothing_else(site):
    printed = created_key("site")

    assert printed.count("\n") == 1
    answer = Client(headers={"authorization": f"Bearer {printed.strip()}"}).post(
        "/api/v1/inquiries", {"email": "ann@example.com"}, content_type="application/json"
    )
    assert answer.status_code == 201
    assert ApiKey.objects.get().scope == Scope.INTAKE


def test_createkey_takes_scope_and_name(site):
    created_key("site", "--scope", "full", "--name", "back office")

    key = ApiKey.objects.get()
    assert (key.scope, key.name) == (Scope.FULL, "back office")


def test_createkey_names_the_sources_there_are(site):
    with pytest.raises(CommandError) as refusal:
        created_key("shop")

    assert str(refusal.value) == "No source is called 'shop'. Known: site."
    assert refusal.value.returncode == 1


def test_relay_refuses_to_run_without_redis(settings):
    settings.EMBEDDED = True

    with pytest.raises(CommandError, match="REDIS_URL is not set"):
        call_command("relay")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_relay_ends_when_told_to(redis_url, number):
    database = connection.settings_dict
    url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    relay = subprocess.Popen(
        [sys.executable, "-u", "manage.py", "relay", "--settings", "config.settings"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "REDIS_URL": redis_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert relay.stdout.readline() == "The relay runs.\n"

    relay.send_signal(number)

    _, errors = relay.communicate(timeout=10)
    assert relay.returncode == 0
    assert errors == ""


@pytest.mark.django_db(transaction=True)
def test_release_leases_lets_the_next_worker_have_a_dead_ones_job(intake):
    intake.post({"email": "ann@example.com", "message": "Hello"})
    job = Job.objects.get()
    assert claim_job(job.pk)
    assert claim_job(job.pk) is None

    assert release_leases() == 1

    assert claim_job(job.pk).attempt == 2


@pytest.mark.django_db(transaction=True)
def test_release_leases_leaves_what_is_done_or_put_off(intake):
    intake.post({"email": "ann@example.com", "message": "Hello"})
    done = Job.objects.get()
    Job.objects.filter(pk=done.pk).update(done_at=done.created_at)

    assert release_leases() == 0
