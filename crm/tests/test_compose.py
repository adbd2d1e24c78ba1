"""The container files name only what exists. No engine runs in the tests: the commands are taken apart instead."""

import re
import runpy
import shlex
from pathlib import Path

import gunicorn.config
import pytest
import yaml
from celery.bin.celery import celery
from django.core.management import get_commands, load_command_class
from django.urls import resolve
from django.utils.module_loading import import_string

from config.celery import app

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
#: What only Docker Compose itself reads.
OF_COMPOSE = {"POSTGRES_PASSWORD", "PORT", "REQUIREMENTS"}


def settings_read():
    """The names of the variables that config/settings.py reads."""
    text = (ROOT / "config" / "settings.py").read_text()
    return set(re.findall(r'(?:read\(env\.\w+, |flag\(|address\()"([A-Z_]+)"', text))


def example_names():
    return set(re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def check_manage(name, *arguments):
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(arguments)


def check_gunicorn(flag, path, module):
    assert flag == "-c"
    known = gunicorn.config.Config().settings
    config = runpy.run_path(str(ROOT / path))
    named = {name for name in config if not name.startswith("_") and name not in ("os", "sys")}
    assert named <= set(known), "gunicorn has no such setting"
    assert import_string(f"{module}.application")


def check_celery(*arguments):
    assert arguments[:2] == ("-A", "config")
    name = arguments[2]
    # Raises on an option that Celery does not have.
    celery.commands[name].make_context(name, list(arguments[3:]), resilient_parsing=True)


def check_command(words):
    match words:
        case ["python", "manage.py", *rest]:
            check_manage(*rest)
        case ["gunicorn", *rest]:
            check_gunicorn(*rest)
        case ["celery", *rest]:
            check_celery(*rest)
        case _:
            pytest.fail(f"Nobody knows what {words} runs.")


@pytest.mark.parametrize("name", OURS)
def test_every_service_runs_a_command_that_exists(name):
    check_command(shlex.split(OURS[name]["command"]))


def test_the_image_runs_a_command_that_exists():
    (words,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)

    check_command(yaml.safe_load(words))


def test_the_image_is_built_with_a_command_that_exists():
    (line,) = re.findall(r"manage\.py (.*?) \\$", DOCKERFILE, re.MULTILINE)

    check_manage(*shlex.split(line))


def test_the_health_check_asks_for_a_page_that_exists():
    (path,) = re.findall(r"http://127\.0\.0\.1:8000(/\w+)", DOCKERFILE)

    assert resolve(path).url_name == "healthz"


def test_the_image_does_not_run_as_root():
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE) == ["crm"]


def test_every_variable_given_is_one_we_read():
    given = {variable for service in OURS.values() for variable in service["environment"]}

    assert given <= settings_read()


def test_every_variable_asked_for_is_explained():
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))

    assert asked <= example_names()


def test_the_example_knows_every_setting_and_no_other():
    assert example_names() - OF_COMPOSE == settings_read()


def test_everything_needed_is_there():
    ours = {"web", "worker", "worker-alerts", "relay", "beat", "migrate"}
    assert set(SERVICES) == ours | {"proxy", "postgres", "redis"}
    for name, service in SERVICES.items():
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
        assert set(service.get("depends_on", {})) <= set(SERVICES)
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    assert {volume for volume in mounted if "/" not in volume} == set(COMPOSE["volumes"])
    assert all((ROOT / path).is_file() for path in mounted if "/" in path)


def test_the_proxy_is_the_only_published_port():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def queues_served(name):
    words = shlex.split(SERVICES[name]["command"])
    return set(words[words.index("-Q") + 1].split(",")) if "-Q" in words else {app.conf.task_default_queue}


def test_every_task_goes_to_a_queue_that_one_worker_serves():
    ours = {task for name, task in app.tasks.items() if name.startswith(("triage.", "crm."))}
    served = queues_served("worker"), queues_served("worker-alerts")

    assert {getattr(task, "queue", app.conf.task_default_queue) for task in ours} == set.union(*served)
    assert not set.intersection(*served)


def test_reading_shares_its_queue_with_nothing():
    work, *others = sorted(
        (task for name, task in app.tasks.items() if name.startswith(("triage.", "crm."))),
        key=lambda task: task.name != "triage.work",
    )

    assert queues_served("worker") == {"celery"}
    assert getattr(work, "queue", "celery") == "celery"
    assert all(getattr(task, "queue", "celery") != "celery" for task in others)


def test_the_intake_comes_up_without_redis():
    assert "redis" not in SERVICES["web"]["depends_on"]


def test_redis_writes_down_what_it_is_given_and_throws_nothing_away():
    assert "--appendonly yes" in SERVICES["redis"]["command"]
    assert "--maxmemory-policy noeviction" in SERVICES["redis"]["command"]


def test_what_one_process_learns_all_read_with():
    folders = {service["environment"]["MODELS_DIR"] for service in OURS.values()}
    mounted = {tuple(service["volumes"]) for service in OURS.values()}

    assert folders == {"/app/var/models"}
    assert mounted == {("models:/app/var/models",)}
    assert "models" in COMPOSE["volumes"]


def test_the_image_that_can_retrain_differs_by_one_file_of_requirements():
    assert {service["build"]["args"]["REQUIREMENTS"] for service in OURS.values()} == {
        "${REQUIREMENTS:-requirements.txt}"
    }
    assert 'pip install --disable-pip-version-check -r "$REQUIREMENTS"' in DOCKERFILE
    assert (ROOT / "requirements-train.txt").exists()
