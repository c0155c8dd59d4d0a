"""A model in MLflow's registry: each version is the model of one run, and one of them may be the champion."""

from dataclasses import dataclass
from typing import Any

from spampipe.tracking import connection
from spampipe.tracking.store import Store

CHAMPION = "champion"  # the alias that users load the model by
_LONGEST = 5000  # characters of a version's description
_DESCRIPTION = "Labels texts; see the source run."


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        number: its number, counted from 1.
        run_id: the id of the run whose model it is.
    """

    number: int
    run_id: str


class RegisteredModel:
    """A registered model of a store, made if there is none of its name."""

    def __init__(self, store: Store, name: str) -> None:
        """Find the model, or make it.

        Args:
            store: the store, which holds the registry.
            name: the name that users load the model by.
        """
        from mlflow.exceptions import MlflowException

        self._client, self._name, self._store = store.client, name, store
        try:
            self._client.create_registered_model(name, description=_DESCRIPTION)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def version_of(self, run_id: str, description: str | None = None) -> Version:
        """The version that is a run's model, made if there is none.

        Args:
            run_id: the id of a run that a model is stored with.
            description: what a version that is made says of itself, in Markdown; what is beyond the length that
                MLflow takes is left out. None for nothing.
        """
        for found in self._client.search_model_versions(f"name = '{self._name}'"):
            if found.run_id == run_id:
                return _version(found)
        model_id = self._store.run(run_id).model_id
        source = f"models:/{model_id}"
        if not connection.server():  # a registry in a database would look that up in MLflow's default store
            source = self._client.get_logged_model(model_id).artifact_location
        return _version(
            self._client.create_model_version(
                self._name, source, run_id, description=_shortened(description), model_id=model_id
            )
        )

    def champion(self) -> Version | None:
        """The version that is the champion; None if no version is."""
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version_by_alias(self._name, CHAMPION))
        except MlflowException:
            return None  # the registry knows no such alias yet

    def make_champion(self, version: Version) -> None:
        """Let this version be the champion, instead of another.

        Args:
            version: a version of this model.
        """
        self._client.set_registered_model_alias(self._name, CHAMPION, str(version.number))


def _shortened(description: str | None) -> str | None:
    """As many whole paragraphs as MLflow takes."""
    if description is None or len(description) <= _LONGEST:
        return description
    return description[:_LONGEST].rpartition("\n\n")[0]


def _version(found: Any) -> Version:
    return Version(int(found.version), str(found.run_id))
