"""Ready-made units, manifests and scripts for schedulers, as files beside this module."""

from __future__ import annotations

from importlib.resources import files

#: The name and purpose of each recipe; each is a file of this package.
RECIPES = {
    "cron": "a line for a crontab",
    "systemd-service": "a systemd service that runs sync once",
    "systemd-timer": "the systemd timer that starts it every hour",
    "kubernetes": "a Kubernetes CronJob with its secret and volume",
    "airflow": "an Airflow DAG",
    "lambda-fargate": "a shell script that sets up an hourly task on AWS Fargate, with an EFS volume",
    "windows-task": "a task for the Windows Task Scheduler (XML)",
    "dask-kubernetes": "a Dask cluster for --cluster on Kubernetes",
    "fleet": "a fleet file for several tenants (TOML)",
    "dockerfile": "a Dockerfile for a small image that does not run as root",
}


def recipe(name: str) -> str:
    """Return the text of a recipe; raises KeyError for a name that is not in RECIPES."""
    if name not in RECIPES:
        raise KeyError(name)
    return (files(__name__) / name).read_text("utf-8")
