/*
 * The size of a tail, chosen where Hill's estimates have been steady: R.-D. Reiss, M. Thomas, Statistical Analysis
 * of Extreme Values, 3rd ed. (2007), section 5.1; examined by C. Neves, M. I. Fraga Alves, Computational Statistics
 * & Data Analysis 47 (2004) 689. With g_i = 1 / (alpha_i - 1) of the i largest eigenvalues (hill.h), k has the least
 *     d_k = (|g_1 - m_k| + ... + |g_k - m_k|) / k,   m_k = median(g_1, ..., g_k),
 * which is that rule with all weights equal (its beta is 0).
 */
#ifndef PLATEAU_H
#define PLATEAU_H

#include <stddef.h>

#include "hill.h"

/*
 * The k with the least d_k, of equals the least k, from 10 on up to half of n, but one k at least and no more than
 * n - 1; of n >= 2 eigenvalues whose fits are those of hill_fits(). What is beyond the first k that has no alpha is
 * not looked at; where that leaves no choice, k is the least. Equal eigenvalues have a g of 0. Time is of the
 * order of n squared.
 */
size_t plateau_tail_size(const struct hill *fits, size_t n);

#endif
