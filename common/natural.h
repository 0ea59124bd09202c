/* The order in which people count. */
#ifndef NATURAL_H
#define NATURAL_H

/*
 * The order that people count in: runs of digits by their value, other bytes by theirs; so layers.2
 * before layers.10. Negative, zero only for equal names, or positive.
 */
int compare_natural(const char *a, const char *b);

#endif
