"""Where the secrets come from: environment variables for a worker, Secrets Manager for the front door."""

from timmybot.adapters.secrets.environment import EnvironmentSecrets
from timmybot.adapters.secrets.secrets_manager import SecretsManagerSecrets, SecretsUnavailable

__all__ = ["EnvironmentSecrets", "SecretsManagerSecrets", "SecretsUnavailable"]
