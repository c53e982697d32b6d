from __future__ import annotations

import json
from typing import Any

import pytest

ROOT = "/service/webapps/api/v1/webapps/"


def read(peak: Any, service: str) -> Any:
    return peak.get(ROOT + service)


def patch(peak: Any, service: str, **body: Any) -> Any:
    return peak.ok("PATCH", ROOT + service, json=body)


@pytest.fixture
def image(peak: Any) -> Any:
    return peak.ready_image()


def test_creating_then_available(peak: Any, image: Any) -> None:
    service = peak.service(image)
    assert read(peak, service)["status"] == "CREATING"
    peak.wait()
    assert read(peak, service)["status"] == "AVAILABLE"


def test_the_latest_ready_version_is_taken(peak: Any, image: Any) -> None:
    details = {"source": "dockerfile", "dockerfile": "FROM x"}
    path = f"/service/image-management/api/v2/images/{image['imageId']}/versions"
    peak.ok("POST", path, files=peak.parts(buildDetails=details))
    service = peak.service(image)
    assert read(peak, service)["imageDetails"]["versionId"] == image["versionId"]


def test_a_version_that_is_not_ready_fails_the_creation(peak: Any) -> None:
    image = peak.image(dockerfile="RUN false")
    details = {"imageId": image["imageId"], "versionId": image["versionId"]}
    service = peak.service(image, imageDetails=details)
    peak.wait()
    assert read(peak, service)["status"] == "CREATE_FAILED"
    body = {"name": "other", "imageDetails": {"imageId": image["imageId"]}}
    assert "no ready version" in peak.refused(422, "POST", ROOT, json=body)


@pytest.mark.parametrize(
    "change",
    [
        {"resources": {"instanceTypeId": 44}},
        {"parameters": {"env": {"A": "1"}}},
        {"entrypoint": "run"},
        {"healthCheckURL": "/health"},
        {"minInstances": 2},
    ],
)
def test_changes_that_redeploy(peak: Any, image: Any, change: Any) -> None:
    service = peak.service(image)
    peak.wait()
    patch(peak, service, **change)
    assert read(peak, service)["status"] == "DEPLOYING"
    peak.wait()
    assert {**read(peak, service), **change} == read(peak, service)
    assert read(peak, service)["status"] == "AVAILABLE"
    patch(peak, service, **change)
    assert read(peak, service)["status"] == "AVAILABLE"


def test_titles_do_not_redeploy(peak: Any, image: Any) -> None:
    service = peak.service(image)
    peak.wait()
    patch(peak, service, title="T", description="D", name="service", serviceType="api")
    assert (read(peak, service)["status"], read(peak, service)["title"]) == ("AVAILABLE", "T")
    patch(peak, service, title=None, resources=None)
    assert read(peak, service)["title"] is None
    assert read(peak, service)["resources"] == {"instanceTypeId": 43}


def test_a_second_change_while_deploying_prolongs_it(peak: Any, image: Any) -> None:
    service = peak.service(image)
    peak.wait()
    patch(peak, service, entrypoint="a")
    peak.wait(6)
    patch(peak, service, entrypoint="b")
    peak.wait(6)
    assert read(peak, service)["status"] == "DEPLOYING"
    peak.wait(4)
    assert read(peak, service)["status"] == "AVAILABLE"


def test_name_and_type_are_fixed(peak: Any, image: Any) -> None:
    service = peak.service(image)
    for change in ({"name": "b"}, {"serviceType": "web-app"}):
        detail = peak.refused(422, "PATCH", ROOT + service, json=change)
        assert detail.startswith(f"{next(iter(change))}:")


@pytest.mark.parametrize("merges", [True, False])
def test_nested_maps_are_replaced_unless_they_merge(make_peak: Any, merges: bool) -> None:
    peak = make_peak(patch_merges=merges)
    service = peak.service(peak.ready_image(), parameters={"env": {"A": "1"}, "secrets": ["s"]})
    patch(peak, service, parameters={"env": {"B": "2"}})
    kept = {"secrets": ["s"]} if merges else {}
    assert read(peak, service)["parameters"] == {**kept, "env": {"B": "2"}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": None}, "name:"),
        ({"imageDetails": None}, "imageDetails:"),
        ({"imageDetails": {"imageId": 77}}, "imageDetails.imageId:"),
        ({"imageDetails": {"imageId": 1, "versionId": 77}}, "imageDetails.versionId:"),
        ({"resources": {"instanceTypeId": 30}}, "resources.instanceTypeId:"),
        ({"serviceType": "lambda"}, "serviceType:"),
        ({"minInstances": 3}, "minInstances:"),
        ({"sessionStickiness": True}, "sessionStickiness:"),
        ({"scaleToZero": True}, "scaleToZero:"),
        ({"parameters": {"env": {"A": 1}}}, "parameters.env.A:"),
    ],
)
def test_refusals_name_the_field(peak: Any, image: Any, body: Any, field: str) -> None:
    whole = {"name": "s", "serviceType": "api", "imageDetails": {"imageId": image["imageId"]}}
    assert peak.refused(422, "POST", ROOT, json={**whole, **body}).startswith(field)


def test_a_service_cannot_move_to_a_version_that_is_not_ready(peak: Any, image: Any) -> None:
    service = peak.service(image)
    other = peak.image("other")
    details = {"imageId": other["imageId"], "versionId": other["versionId"]}
    detail = peak.refused(422, "PATCH", ROOT + service, json={"imageDetails": details})
    assert detail.startswith("imageDetails.versionId:")
    assert read(peak, service)["imageDetails"]["imageId"] == image["imageId"]
    assert peak.refused(422, "PATCH", ROOT + service, json={"imageDetails": None})


def test_services_and_webapps_are_listed_apart_and_share_names(peak: Any, image: Any) -> None:
    peak.service(image, "a")
    body = {"name": "b", "imageDetails": {"imageId": image["imageId"]}}
    peak.ok("POST", ROOT, json=body)
    services = peak.get(ROOT, featureType="services")
    webapps = peak.get(ROOT)
    assert ([s["name"] for s in services["services"]], services["servicesCount"]) == (["a"], 1)
    assert ([w["name"] for w in webapps["webapps"]], webapps["webappsCount"]) == (["b"], 1)
    assert "already exists" in peak.refused(409, "POST", ROOT, json={**body, "name": "a"})
    assert peak.get(ROOT, featureType="services", serviceType="shiny")["services"] == []
    assert peak.get(ROOT, status="AVAILABLE", searchTerm="B")["webapps"] == []


def test_names_may_repeat_when_they_are_not_strict(make_peak: Any) -> None:
    peak = make_peak(strict_names=False)
    image = peak.ready_image()
    peak.service(image)
    peak.service(image)
    assert peak.get(ROOT, featureType="services")["servicesCount"] == 2


def test_deleting_takes_time_and_not_while_deploying(peak: Any, image: Any) -> None:
    service = peak.service(image)
    assert "CREATING" in peak.refused(409, "DELETE", ROOT + service)
    peak.wait()
    assert peak.ok("DELETE", ROOT + service) == {"id": service}
    assert read(peak, service)["status"] == "DELETING"
    peak.refused(409, "DELETE", ROOT + service)
    peak.refused(409, "PATCH", ROOT + service, json={"title": "T"})
    peak.wait()
    peak.refused(404, "GET", ROOT + service)
    peak.refused(404, "PATCH", ROOT + service, json={})


def test_short_reads_show_what_the_reference_shows(make_peak: Any) -> None:
    peak = make_peak(full_reads=False)
    service = peak.service(peak.ready_image(), parameters={"env": {}}, title="T")
    assert {"title", "parameters", "scaleToZero"}.isdisjoint(read(peak, service))
    assert read(peak, service)["minInstances"] == 1


def test_a_service_can_be_tried(peak: Any, image: Any) -> None:
    peak.service(image, "echo")
    body = {"httpMethod": "post", "path": "/p", "payload": {"a": 1}}
    assert "CREATING" in peak.refused(422, "POST", f"{ROOT}echo/test", json=body)
    peak.wait()
    answer = peak.ok("POST", f"{ROOT}echo/test", json=body)
    assert answer["responseStatus"] == 200
    assert json.loads(answer["responseBody"])["payload"] == {"a": 1}
    peak.refused(404, "POST", f"{ROOT}none/test", json={})


def test_a_value_of_the_env_asks_for_a_failure(peak: Any, image: Any) -> None:
    service = peak.service(image, parameters={"env": {"MODE": "fail-service"}})
    peak.wait()
    assert read(peak, service)["status"] == "CREATE_FAILED"
    patch(peak, service, parameters={"env": {"MODE": "fine"}})
    peak.wait()
    assert read(peak, service)["status"] == "AVAILABLE"


def test_a_value_of_the_env_decides_what_it_answers(peak: Any, image: Any) -> None:
    service = peak.service(image, parameters={"env": {"A": "x", "B": "answer-503"}})
    peak.wait()
    answer = peak.ok("POST", f"{ROOT}service/test", json={"httpMethod": "get"})
    assert (answer["responseStatus"], service != "") == (503, True)
