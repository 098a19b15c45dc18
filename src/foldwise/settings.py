"""Kedro's settings of the project."""

import warnings
from pathlib import Path

from kedro.config import OmegaConfigLoader
from omegaconf.resolvers import oc

from foldwise import error_display
from foldwise.hooks import ObserverHook, ParametersHook, TrackingHook

error_display.install()

# Advice to developers of these packages, not to who runs this project.
for _module in (r"mlflow\.", r"kedro\.framework\.cli"):
    warnings.filterwarnings("ignore", module=_module)

_PROJECT = Path(__file__).resolve().parents[2]

# Order matters: Kedro calls the hooks that were registered last first.
HOOKS = (TrackingHook(), ObserverHook(), ParametersHook())

# TrackingHook is kedro-mlflow's own hook, made to log typed parameters one by one.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-telemetry")

CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        "project": lambda path: str(_PROJECT / path),
        "oc.env": oc.env,  # Kedro offers it in credentials only
    },
}
