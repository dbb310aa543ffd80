"""Round trips of boto3 through the endpoint's services: what was put in is looked for in what comes out."""
import time


def refused(code, call, **members):
    """The error that a call must be refused with."""
    try:
        call(**members)
    except Exception as error:
        assert error.response["Error"]["Code"] == code, (code, error)
        return error.response["Error"]["Message"]
    raise AssertionError(f"{call} was not refused with {code}")


def until(look, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come about")


def pages(client, operation, member, **arguments):
    return [one for page in client.get_paginator(operation).paginate(**arguments) for one in page.get(member, [])]
