/*
 * HOT marks a function whose loops should use the widest vector unit of the processor it runs on. The
 * compiler makes one clone for each and picks at load time. Floating-point contraction is off for
 * the whole build, so all clones give the same bits. No two such functions may have one name, in
 * whatever files: clang does not keep what picks a clone to its file. HAS_CLONES is defined where there
 * are clones.
 */
#ifndef VECTOR_H
#define VECTOR_H

/* Sanitizers instrument the function that picks the clone, which runs before they are ready. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(HILLPIPE_SANITIZE)
#define HOT __attribute__((target_clones("avx512f", "avx2", "default")))
#define HAS_CLONES
#else
#define HOT
#endif

#endif
