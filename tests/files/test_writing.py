"""What is written for people is read as they would write it."""

from zoo.files import as_yaml, parse_yaml

PLAN = {"run": "größe", "data": "写真 😀", "about": " ".join(["words"] * 50), "batch": 8}


def test_yaml_for_people_keeps_letters_order_and_lines() -> None:
    text = as_yaml(PLAN)
    assert text.splitlines() == [f"{key}: {value}" for key, value in PLAN.items()]
    assert parse_yaml(text, "a plan") == PLAN
