"""How the emulated platform behaves where the contract leaves room."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Durations are seconds of the emulator's clock; `latency` is real time before each answer.

    full_reads: reads return all that was stored; off, only what the reference's examples show.
    strict_names: names of specs, deployments and services are unique (contract, section 5).
    patch_merges: a PATCH of a service merges nested maps instead of replacing them.
    carry_parameters: a revision keeps parameters that it leaves out.
    default_parameters: reads of deployment parameters include the defaults of the definitions.
    newer_calls: calls of 1.29 exist; off, they answer 404.
    spoke_domain: the tenants live on this spoke (`spoke1.peak.ai`), which keeps the logs of steps.
    provided_images: every tenant has the platform's own images (behaviour.provided lists them).
    """

    build_seconds: float = 0.4
    deploy_seconds: float = 0.4
    service_seconds: float = 0.4
    delete_seconds: float = 0.4
    latency: float = 0.0
    full_reads: bool = True
    strict_names: bool = True
    patch_merges: bool = False
    carry_parameters: bool = False
    default_parameters: bool = False
    newer_calls: bool = True
    spoke_domain: str = ""
    provided_images: bool = False
    log_page: int = 10
