"""Tables of what contenders came to."""


def text(study, found, costs):
    """x"""
    return "\n".join(f"{name}: {int((~each.right).sum())} errors of {len(each)}" for name, each in found.items())
