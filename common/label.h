/*
 * Names as pictures show them. A name comes from a model, and may hold anything: bytes that a picture
 * cannot show, or more than it has room for.
 */
#ifndef LABEL_H
#define LABEL_H

#include <stddef.h>

#include "util.h"

/*
 * Appends a name as a picture shows it. What is no UTF-8, control characters, line ends and characters
 * that XML forbids are escaped as in messages. A backslash stays one: it is harmless to see.
 */
void text_append_label(struct text *text, const char *name, size_t length);

/* How many columns a label takes, in characters of usual width. */
size_t label_width(const char *label);

/* A name as a label of at most so many columns, from malloc; the middle of a longer one is left out. */
char *label_of(const char *name, size_t most);

/* The same of the first `length` bytes. */
char *label_of_part(const char *name, size_t length, size_t most);

#endif
