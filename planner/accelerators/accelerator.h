#ifndef PLANNER_ACCELERATOR_H
#define PLANNER_ACCELERATOR_H

#include "planner/accelerators/gpus.h"

/*
 * A maker of GPUs: how they are handed to a container, how some of them are selected, what
 * the maker's tools print, and which faults a card may have. The rest of the program asks
 * this struct and names no maker. Each maker is one file (nvidia.c) and one line in
 * accelerators.def; gpus-look.sh and gpus.sh find and free the GPUs on a node.
 *
 * Lists of words end with NULL.
 */
struct accelerator {
	const char *name;               /* in facts and JSON: "nvidia" */
	const char *maker;              /* for people: "NVIDIA" */
	const char *tool;               /* the command that the login user must be able to run */
	const char *platform;           /* what images contain and the driver must be new enough
					 * for: "CUDA"; NULL: not known */
	/* The oldest branch of the driver for a version of the platform (major * 100 + minor), and the
	 * newest version of the platform that a branch of the driver runs; 0: not known. The
	 * functions may be NULL. */
	int (*driver)(int platform);
	int (*driver_runs)(int driver);
	/* The generation of a GPU, 75 for 7.5; 0: not known. NULL: they have no such number. */
	int (*capability)(const struct gpu *);
	const char *visible;            /* the variable that selects GPUs of a host, by index or
					 * by the beginning of a uuid */
	const char *const *visible_too; /* others that do the same; NULL: none */
	bool shares_memory;             /* a card without memory of its own uses the host's */
	long long reserves_mib;         /* of a card's memory, if the tool does not say; at most
					 * a fiftieth counts */
	const char *const *docker;      /* arguments of `docker run` that hand over all GPUs */
	const char *soc;                /* part of the kernel's version on hosts whose GPU is part of
					 * the processor; NULL: there are none */
	const char *const *docker_soc;  /* the arguments of `docker run` on those hosts */
	const char *const *cdi;         /* the arguments of `podman run` that hand over all GPUs, by
					 * names of the Container Device Interface */
	const char *docker_group;       /* before each group that may open them, so that not only
					 * root can (`groups` of struct gpus); NULL: not needed */
	const char *device;             /* the device in docker_args of a user who hands them over by
					 * hand; NULL: a flag that may be repeated */
	bool flag_all;                  /* `docker run --gpus all` means these */
	const char *domain_device;      /* the device that a process opens to use NVLink to other
					 * hosts; NULL: none */
	const char *const *domain_names;        /* parts of names of GPUs that are built for that */
	const char *domain_setup;       /* the command that makes the device */
	const char *order;              /* the variable that, set to PCI_BUS_ID, makes programs number
					 * GPUs as the tool does; NULL: they always do */
	const char *toolkit;            /* the package that container runtimes need for it; NULL:
					 * they need none */
	const char *docker_setup, *podman_setup;        /* commands that set it up, as root */
	const char *absent;             /* the message if no GPU is seen on a node that needs one */
	const char *absent_hint;
	/* Readers of its tools' output, by the name in "raw" lines; ends with a NULL name. */
	struct accelerator_read {
		const char *name;
		void (*read)(struct arena *, struct gpus *, const char *text);
	} reads[8];
	/* Finds faults; NULL: only processes that hold memory are known. */
	void (*faults)(struct arena *, const struct gpus *, struct gpu_faults *);
};

/* In the order of accelerators.def; ends with NULL. */
extern const struct accelerator *const accelerators[];
/* By its name in facts; NULL: none has that name. */
const struct accelerator *accelerator_find(const char *name);
/* The maker of these GPUs; the first of accelerators.def if there are none. Never NULL. */
const struct accelerator *accelerator_of(const struct gpus *);

#endif
