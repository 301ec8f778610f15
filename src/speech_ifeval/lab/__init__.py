"""Tiny speech-aware models that ship with the project: how they are made, evaluated and studied."""
