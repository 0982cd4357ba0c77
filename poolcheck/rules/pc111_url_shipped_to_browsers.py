"""A database URL under a name that bundlers ship to browsers.

## Why it matters
Values under these prefixes are written into the JavaScript that every visitor downloads: the password is public,
and anyone can fill the slots.

## What to do
Rename the variable, read it only on the server, and change the password: it must be taken as known.

```dotenv bad
NEXT_PUBLIC_DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app
```

```dotenv good
DATABASE_URL=postgresql://app:s3cret@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/app
```

## Sources
- https://nextjs.org/docs/app/guides/environment-variables
- https://vite.dev/guide/env-and-mode
- https://docs.expo.dev/guides/environment-variables/
"""

from collections.abc import Iterator

from poolcheck.model.context import Context
from poolcheck.model.problem import Fix, Problem
from poolcheck.model.rule import rule
from poolcheck.model.severity import Severity
from poolcheck.model.target import Target

PREFIXES = {
    "NEXT_PUBLIC_": "Next.js",
    "VITE_": "Vite",
    "REACT_APP_": "Create React App",
    "EXPO_PUBLIC_": "Expo",
    "GATSBY_": "Gatsby",
    "VUE_APP_": "Vue CLI",
    "NUXT_PUBLIC_": "Nuxt",
    "STORYBOOK_": "Storybook",
    "PUBLIC_": "SvelteKit and Astro",
}


@rule(Target, severity=Severity.ERROR, step=0)
def check(target: Target, ctx: Context) -> Iterator[Problem]:
    """The prefix alone decides."""
    name = target.name.upper()
    if target.commented or target.origin not in ("env", "deployment"):
        return
    prefix = next((each for each in PREFIXES if name.startswith(each)), None)
    if prefix:
        yield Problem(
            message=f"{target.label} holds a database URL, and {PREFIXES[prefix]} puts {prefix}* into the browser's code.",
            why="Everyone who opens the site can read the password and take slots.",
            fix=Fix(
                f"Rename it to {target.name[len(prefix) :]}, read it on the server only, and change the password"
            ),
        )
