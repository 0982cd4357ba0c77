"""Connection strings: parse, mask, edit; the passwords in them are a Secret from the first moment."""
