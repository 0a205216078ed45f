"""The model to take away: one trained network in a folder that needs no `reluctant`, and its predictions."""

from __future__ import annotations

from study.model.export import export_model
from study.model.folder import Model, ModelConfig, ModelError, Quantity, check_folder, load_model, save_model
from study.model.predict import Prediction, predict

__all__ = [
    "Model",
    "ModelConfig",
    "ModelError",
    "Prediction",
    "Quantity",
    "check_folder",
    "export_model",
    "load_model",
    "predict",
    "save_model",
]
