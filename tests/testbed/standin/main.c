#include "standin.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	name = name ? name + 1 : argv[0];
	if (strcmp(name, "ray") == 0)
		return ray_main(argc, argv);
	if (strcmp(name, "vllm") == 0)
		return vllm_main(argc, argv);
	if (strcmp(name, "hf") == 0)
		return hf_main(argc, argv);
	/* Children for their words alone, whose environment is empty. */
	if (strcmp(name, "raylet") == 0 || strncmp(name, "VLLM::", 6) == 0 || strncmp(name, "ray::", 5) == 0)
		for (;;)
			pause();
	fprintf(stderr, "standin: call it ray, vllm or hf, not '%s'\n", name);
	return 2;
}
