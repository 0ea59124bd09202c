/*
 * Instructions of devices of compute capability 9.0 or more that CUDA C++ has no name for, as the PTX ISA
 * describes them. Elsewhere all of them do nothing: cuda_two_stage_open() keeps their callers from running.
 */
#ifndef CUDA_INSTRUCTIONS_CUH
#define CUDA_INSTRUCTIONS_CUH

#include <cstdint>

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define ON_HOPPER(...) asm volatile(__VA_ARGS__)
#else
#define ON_HOPPER(...)
#endif

#define WARP	  32
#define ALL_LANES 0xffffffffu

/* The address of something in shared memory as instructions take it. */
static __device__ __forceinline__ uint32_t
shared_address(const void *place)
{
	return (uint32_t)__cvta_generic_to_shared(place);
}

/* --- products of small matrices --- */

/* A lane of a warp in multiply_add(): g and t. */
#define GROUP  (threadIdx.x % WARP / 4)
#define MEMBER (threadIdx.x % 4)

/*
 * The part of a thread in sum += left * right, for left of 16 x 8, right of 8 x 8, sum of 16 x 8. With
 * g = lane / 4 and t = lane % 4:
 *   left[0..3]   (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)
 *   right[0..1]  (t, g), (t + 4, g)
 *   sum[0..3]    (g, 2 t), (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1)
 */
static __device__ __forceinline__ void
multiply_add(double (&sum)[4], const double (&left)[4], const double (&right)[2])
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
	/* Not volatile, so that loads and other products may pass it. */
	asm("mma.sync.aligned.m16n8k8.row.col.f64.f64.f64.f64 "
	    "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	    : "+d"(sum[0]), "+d"(sum[1]), "+d"(sum[2]), "+d"(sum[3])
	    : "d"(left[0]), "d"(left[1]), "d"(left[2]), "d"(left[3]), "d"(right[0]), "d"(right[1]));
#endif
}

/* --- copies that run beside the thread --- */

/* 16 bytes from global to shared memory, or as many zeros. */
static __device__ __forceinline__ void
copy_pair(double *target, const double *source, bool present)
{
	ON_HOPPER("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(target)),
		  "l"(source), "r"(present ? 16 : 0)
		  : "memory");
}

static __device__ __forceinline__ void
end_group_of_copies()
{
	ON_HOPPER("cp.async.commit_group;" ::: "memory");
}

/* Until all but the newest groups of this thread's copies have arrived. */
template <int newest>
static __device__ __forceinline__ void
await_copies()
{
	ON_HOPPER("cp.async.wait_group %0;" ::"n"(newest) : "memory");
}

/* --- barriers in shared memory that count arrivals and bytes (mbarrier) --- */

static __device__ __forceinline__ void
barrier_open(uint64_t *barrier)
{
	ON_HOPPER("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(barrier))
		  : "memory");
}

/* Arrives, and expects so many bytes before the phase ends. */
static __device__ __forceinline__ void
barrier_expect(uint64_t *barrier, uint32_t bytes)
{
	ON_HOPPER("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
			  shared_address(barrier)),
		  "r"(bytes)
		  : "memory");
}

static __device__ __forceinline__ void
barrier_arrive(uint64_t *barrier)
{
	ON_HOPPER("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier))
		  : "memory");
}

/* Until the phase of that parity has ended. */
static __device__ __forceinline__ void
barrier_await(uint64_t *barrier, uint32_t parity)
{
	uint32_t ended = 1;

	do
		ON_HOPPER("{ .reg .pred p;\n"
			  "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
			  "selp.u32 %0, 1, 0, p; }"
			  : "=r"(ended)
			  : "r"(shared_address(barrier)), "r"(parity)
			  : "memory");
	while (!ended);
}

/* For the threads of a barrier by number, of which there are 16 in a block. */
static __device__ __forceinline__ void
barrier_of_some(int number, int threads)
{
	ON_HOPPER("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
}

/* --- blocks that share a cluster --- */

/* The address in another block of what has this one here. */
static __device__ __forceinline__ uint32_t
address_in_block(const void *place, unsigned block)
{
	uint32_t address = 0;

	ON_HOPPER("mapa.shared::cluster.u32 %0, %1, %2;"
		  : "=r"(address)
		  : "r"(shared_address(place)), "r"(block));
	return address;
}

/* Stores a value in another block, whose barrier counts its bytes. */
static __device__ __forceinline__ void
send_value(uint32_t target, double value, uint32_t barrier)
{
	ON_HOPPER("st.async.shared::cluster.mbarrier::complete_tx::bytes.b64 [%0], %1, [%2];" ::"r"(
			  target),
		  "l"(__double_as_longlong(value)), "r"(barrier)
		  : "memory");
}

/* For barriers that were opened, before others in the cluster may use them. */
static __device__ __forceinline__ void
publish_barriers()
{
	ON_HOPPER("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/* All threads of the cluster. */
static __device__ __forceinline__ void
barrier_of_cluster()
{
	ON_HOPPER("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

static __device__ __forceinline__ unsigned
block_in_cluster()
{
	unsigned rank = 0;

	ON_HOPPER("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
	return rank;
}

/* --- copies in bulk, by the asynchronous proxy --- */

/* What threads wrote before is seen by copies in bulk after, and the other way round. */
static __device__ __forceinline__ void
fence_bulk()
{
	ON_HOPPER("fence.proxy.async;" ::: "memory");
}

/* The same for shared memory alone. */
static __device__ __forceinline__ void
fence_bulk_shared()
{
	ON_HOPPER("fence.proxy.async.shared::cta;" ::: "memory");
}

/* From global to shared memory; the barrier counts the bytes. */
static __device__ __forceinline__ void
bulk_load(double *target, const double *source, uint32_t bytes, uint64_t *barrier)
{
	ON_HOPPER(
		"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, "
		"[%3];" ::"r"(shared_address(target)),
		"l"(source), "r"(bytes), "r"(shared_address(barrier))
		: "memory");
}

/* From shared to global memory, and waits until it is there. */
static __device__ __forceinline__ void
bulk_store(double *target, const double *source, uint32_t bytes)
{
	ON_HOPPER("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;\n"
		  "cp.async.bulk.commit_group;\n"
		  "cp.async.bulk.wait_group 0;" ::"l"(target),
		  "r"(shared_address(source)), "r"(bytes)
		  : "memory");
}

/* --- flags that hand data over --- */

static __device__ __forceinline__ int
load_flag(const int *flag)
{
	int value = INT32_MAX;

	ON_HOPPER("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(value) : "l"(flag) : "memory");
	return value;
}

static __device__ __forceinline__ void
store_flag(int *flag, int value)
{
	ON_HOPPER("st.release.gpu.global.s32 [%0], %1;" ::"l"(flag), "r"(value) : "memory");
}

/* The same within a block, in shared memory. */
static __device__ __forceinline__ int
load_block_flag(const int *flag)
{
	int value = INT32_MAX;

	ON_HOPPER("ld.acquire.cta.shared.s32 %0, [%1];"
		  : "=r"(value)
		  : "r"(shared_address(flag))
		  : "memory");
	return value;
}

static __device__ __forceinline__ void
store_block_flag(int *flag, int value)
{
	ON_HOPPER("st.release.cta.shared.s32 [%0], %1;" ::"r"(shared_address(flag)), "r"(value)
		  : "memory");
}

/* --- 1/x and 1/sqrt(x), for normal x --- */

/* By Newton's iteration from the approximation that the device has, of 20 bits or more. */
static __device__ __forceinline__ double
reciprocal(double x)
{
	double r = 0;

	asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(x));
	for (int i = 0; i < 2; i++)
		r = fma(r, fma(-x, r, 1.0), r);
	return r;
}

static __device__ __forceinline__ double
reciprocal_root(double x)
{
	double r = 0;

	asm("rsqrt.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(x));
	for (int i = 0; i < 2; i++)
		r = fma(r, fma(-(0.5 * x) * r, r, 0.5), r);
	return r;
}

#endif
