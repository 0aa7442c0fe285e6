/* Generations of NVIDIA's GPUs, and what CUDA needs and has code for. Sources: NVIDIA's list of
 * compute capabilities, and table 2 and 3 of the CUDA Toolkit's release notes (drivers). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/nvidia.h"
#include "planner/base/vec.h"

/* Where the driver does not say (a plan asks for little), the name does. The first that matches
 * counts; '*' at the end: the word may go on. */
static const struct { const char *words; int capability; } names[] = {
	{"GB300", 103}, {"B300", 103}, {"GB200", 100}, {"B200", 100}, {"GB10", 121}, {"Thor", 110},
	{"Blackwell", 120}, {"RTX 50*", 120}, {"RTX PRO*", 120}, {"GH200", 90}, {"H200*", 90},
	{"H100*", 90}, {"H800*", 90}, {"H20*", 90}, {"Ada", 89}, {"L40*", 89}, {"L4", 89}, {"L20", 89},
	{"RTX 40*", 89}, {"A100*", 80}, {"A800*", 80}, {"A30", 80}, {"A10*", 86}, {"A40", 86}, {"A16", 86},
	{"A2", 86}, {"RTX A*", 86}, {"RTX 30*", 86}, {"Orin", 87}, {"T4", 75}, {"T4G", 75}, {"RTX 20*", 75},
	{"GTX 16*", 75}, {"Quadro RTX", 75}, {"TITAN RTX", 75}, {"T1000", 75}, {"T600", 75},
	{"Xavier", 72}, {"V100*", 70}, {"V100S*", 70}, {"TITAN V", 70}, {"GV100", 70}, {"P100*", 60},
	{"GP100", 60}, {"P40", 61}, {"P4", 61}, {"P6", 61}, {"GTX 10*", 61}, {"TITAN Xp", 61},
	{"Quadro P*", 61}, {"TITAN X", 61}, {"M40", 52}, {"M60", 52}, {"M6", 52}, {"M10", 50},
	{"GTX 9*", 52}, {"Quadro M*", 52}, {"K80", 37}, {"K40*", 35}, {"K20*", 35},
};

static bool
generation_named(const char *name, const char *words)
{
	size_t n = strcspn(words, "*");

	for (const char *s = name; *s; s++) {
		bool start = s == name || !isalnum((unsigned char)s[-1]);

		if (start && strncasecmp(s, words, n) == 0 && (words[n] || !isalnum((unsigned char)s[n])))
			return true;
	}
	return false;
}

int
nvidia_capability(const struct gpu *g)
{
	char *end;
	long major = strtol(g->capability, &end, 10);

	if (major > 0 && major < 100 && *end == '.' && isdigit((unsigned char)end[1]))
		return (int)major * 10 + (end[1] - '0');
	for (size_t i = 0; i < countof(names); i++)
		if (generation_named(g->name, names[i].words))
			return names[i].capability;
	return 0;
}

/* The driver that came with a version of CUDA, newest first. Within a major version older drivers
 * run most of it, but images demand this one on cards that are not for data centres. */
static const struct { int cuda, driver; } drivers[] = {
	{1302, 595}, {1301, 590}, {1300, 580}, {1209, 575}, {1208, 570}, {1206, 560}, {1205, 555},
	{1204, 550}, {1203, 545}, {1202, 535}, {1201, 530}, {1200, 525}, {1108, 520},
};

int
nvidia_driver(int cuda)
{
	for (size_t i = 0; cuda && i < countof(drivers); i++)
		if (cuda >= drivers[i].cuda)
			return drivers[i].driver;
	return 0;
}

int
nvidia_driver_runs(int driver)
{
	for (size_t i = 0; i < countof(drivers); i++)
		if (driver >= drivers[i].driver)
			return drivers[i].cuda;
	return 0;
}
