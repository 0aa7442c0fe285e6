#ifndef CMD_VERSION_H
#define CMD_VERSION_H

/* The release, from the Makefile. */
extern const char dray_version[];

#endif
