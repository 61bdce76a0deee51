// A Vulkan driver that compiles for AMD GPUs and runs nothing: Mesa's radv on "null hardware", with what it lacks.
//
// radv compiles shaders for the GPU that RADV_FORCE_FAMILY names, but it has no memory, no queue and no command buffers.
// This driver stands before it. Memory is the host's; commands and submits succeed and do nothing; fences are
// signalled. Each compute pipeline is compiled with statistics and assembly, which are appended to the file that
// FF_ISA_LISTING names. What a program reads back means nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vulkan/vulkan_core.h>

typedef PFN_vkVoidFunction (*InstanceLookup)(VkInstance, const char *);
static struct {
  InstanceLookup instance, physicalDevice;
  PFN_vkGetDeviceProcAddr device;
  PFN_vkCreateDevice createDevice;
  PFN_vkCreateComputePipelines createPipelines;
  PFN_vkGetPipelineExecutablePropertiesKHR executables;
  PFN_vkGetPipelineExecutableStatisticsKHR statistics;
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR representations;
  PFN_vkGetBufferMemoryRequirements requirements;
  PFN_vkGetBufferMemoryRequirements2 requirements2;
} radv;

// Replacements that do nothing.
static VkResult succeed(void) { return VK_SUCCESS; }
static void ignore(void) {}

// --- Listing -------------------------------------------------------------------------------------------------------

#define MOST 64

static void listStatistics(FILE *out, VkDevice device, const VkPipelineExecutableInfoKHR *executable) {
  VkPipelineExecutableStatisticKHR found[MOST] = {0};
  for (int i = 0; i < MOST; i++) found[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  uint32_t count = MOST;
  radv.statistics(device, executable, &count, found);
  for (uint32_t i = 0; i < count; i++) fprintf(out, "stat %s: %llu\n", found[i].name, (unsigned long long)found[i].value.u64);
}

static void listAssembly(FILE *out, VkDevice device, const VkPipelineExecutableInfoKHR *executable) {
  VkPipelineExecutableInternalRepresentationKHR found[MOST] = {0};
  for (int i = 0; i < MOST; i++) found[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
  uint32_t count = MOST;
  radv.representations(device, executable, &count, found); // how long they are
  for (uint32_t i = 0; i < count; i++) found[i].pData = calloc(1, found[i].dataSize + 1);
  radv.representations(device, executable, &count, found);
  for (uint32_t i = 0; i < count; i++) {
    if (found[i].isText && strstr(found[i].name, "ssembly")) fprintf(out, "--- %s\n%s\n", found[i].name, (char *)found[i].pData);
    free(found[i].pData);
  }
}

static void list(VkDevice device, VkPipeline pipeline) {
  const char *path = getenv("FF_ISA_LISTING");
  FILE *out = path && radv.executables ? fopen(path, "a") : NULL;
  if (!out) return;
  VkPipelineInfoKHR info = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, NULL, pipeline};
  VkPipelineExecutablePropertiesKHR found[4] = {0};
  for (int i = 0; i < 4; i++) found[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
  uint32_t count = 4;
  radv.executables(device, &info, &count, found);
  for (uint32_t i = 0; i < count; i++) {
    VkPipelineExecutableInfoKHR executable = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL, pipeline, i};
    fprintf(out, "=== subgroup %u\n", found[i].subgroupSize);
    listStatistics(out, device, &executable);
    listAssembly(out, device, &executable);
  }
  fclose(out);
}

static VkResult createPipelines(VkDevice device, VkPipelineCache cache, uint32_t count, const VkComputePipelineCreateInfo *infos,
                                const VkAllocationCallbacks *allocator, VkPipeline *pipelines) {
  (void)cache; // what comes from a cache has no assembly
  VkComputePipelineCreateInfo *own = malloc(count * sizeof *own);
  memcpy(own, infos, count * sizeof *own);
  for (uint32_t i = 0; i < count; i++)
    own[i].flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
  VkResult result = radv.createPipelines(device, VK_NULL_HANDLE, count, own, allocator, pipelines);
  for (uint32_t i = 0; result == VK_SUCCESS && i < count; i++) list(device, pipelines[i]);
  free(own);
  return result;
}

// --- Memory: one type, whose pages cost nothing until the host writes them -----------------------------------------

struct memory { void *start; size_t size; };

static VkResult allocate(VkDevice device, const VkMemoryAllocateInfo *info, const VkAllocationCallbacks *allocator, VkDeviceMemory *out) {
  (void)device; (void)allocator;
  struct memory *memory = malloc(sizeof *memory);
  memory->size = info->allocationSize ? info->allocationSize : 1;
  memory->start = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory->start == MAP_FAILED) { free(memory); return VK_ERROR_OUT_OF_DEVICE_MEMORY; }
  *out = (VkDeviceMemory)(uintptr_t)memory;
  return VK_SUCCESS;
}

static void release(VkDevice device, VkDeviceMemory handle, const VkAllocationCallbacks *allocator) {
  (void)device; (void)allocator;
  struct memory *memory = (void *)(uintptr_t)handle;
  if (!memory) return;
  munmap(memory->start, memory->size);
  free(memory);
}

static VkResult map(VkDevice device, VkDeviceMemory handle, VkDeviceSize offset, VkDeviceSize size, VkMemoryMapFlags flags, void **out) {
  (void)device; (void)size; (void)flags;
  *out = (char *)((struct memory *)(uintptr_t)handle)->start + offset;
  return VK_SUCCESS;
}

static void memoryProperties(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties *out) {
  (void)device;
  memset(out, 0, sizeof *out);
  out->memoryHeapCount = out->memoryTypeCount = 1;
  out->memoryHeaps[0] = (VkMemoryHeap){1ull << 38, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  out->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
}

static void memoryProperties2(VkPhysicalDevice device, VkPhysicalDeviceMemoryProperties2 *out) { memoryProperties(device, &out->memoryProperties); }

static void requirements(VkDevice device, VkBuffer buffer, VkMemoryRequirements *out) {
  radv.requirements(device, buffer, out);
  out->memoryTypeBits = 1;
}

static void requirements2(VkDevice device, const VkBufferMemoryRequirementsInfo2 *info, VkMemoryRequirements2 *out) {
  radv.requirements2(device, info, out);
  out->memoryRequirements.memoryTypeBits = 1;
}

// --- Fences and semaphores, which are always signalled -------------------------------------------------------------

static VkResult createSignal(VkDevice device, const void *info, const VkAllocationCallbacks *allocator, uint64_t *out) {
  (void)device; (void)info; (void)allocator;
  *out = (uint64_t)(uintptr_t)malloc(1);
  return VK_SUCCESS;
}

static void destroySignal(VkDevice device, uint64_t handle, const VkAllocationCallbacks *allocator) {
  (void)device; (void)allocator;
  free((void *)(uintptr_t)handle);
}

static VkResult signalValue(VkDevice device, uint64_t handle, uint64_t *out) {
  (void)device; (void)handle;
  *out = UINT64_MAX;
  return VK_SUCCESS;
}

// --- Which function is whose ---------------------------------------------------------------------------------------

static const struct { const char *name; void *own; void *radv; } replaced[] = {
  {"vkCreateComputePipelines", createPipelines, &radv.createPipelines},
  {"vkGetBufferMemoryRequirements", requirements, &radv.requirements},
  {"vkGetBufferMemoryRequirements2", requirements2, &radv.requirements2},
  {"vkGetBufferMemoryRequirements2KHR", requirements2, &radv.requirements2},
  {"vkAllocateMemory", allocate, NULL}, {"vkFreeMemory", release, NULL}, {"vkMapMemory", map, NULL}, {"vkUnmapMemory", ignore, NULL},
  {"vkGetPhysicalDeviceMemoryProperties", memoryProperties, NULL},
  {"vkGetPhysicalDeviceMemoryProperties2", memoryProperties2, NULL},
  {"vkGetPhysicalDeviceMemoryProperties2KHR", memoryProperties2, NULL},
  {"vkCreateFence", createSignal, NULL}, {"vkCreateSemaphore", createSignal, NULL},
  {"vkDestroyFence", destroySignal, NULL}, {"vkDestroySemaphore", destroySignal, NULL},
  {"vkGetSemaphoreCounterValue", signalValue, NULL}, {"vkGetSemaphoreCounterValueKHR", signalValue, NULL},
  // What would touch command streams or buffers, of which null hardware has none.
  {"vkDestroyCommandPool", ignore, NULL}, {"vkFreeCommandBuffers", ignore, NULL}, {"vkUpdateDescriptorSets", ignore, NULL}, {"vkDestroyDevice", ignore, NULL},
};

static const char *const succeeding[] = {
  "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer", "vkResetCommandPool", "vkQueueSubmit", "vkQueueSubmit2",
  "vkQueueSubmit2KHR", "vkQueueWaitIdle", "vkDeviceWaitIdle", "vkWaitForFences", "vkGetFenceStatus", "vkResetFences", "vkWaitSemaphores",
  "vkWaitSemaphoresKHR", "vkSignalSemaphore", "vkSignalSemaphoreKHR", "vkGetQueryPoolResults", "vkBindBufferMemory", "vkBindBufferMemory2",
  "vkBindBufferMemory2KHR", "vkFlushMappedMemoryRanges", "vkInvalidateMappedMemoryRanges",
};

#define COUNT(list) (sizeof list / sizeof *list)

/** This driver's function of a name where it has one, else radv's. What radv lacks stays lacking. */
static PFN_vkVoidFunction choose(const char *name, PFN_vkVoidFunction real) {
  if (!real) return NULL;
  for (size_t i = 0; i < COUNT(replaced); i++)
    if (!strcmp(name, replaced[i].name)) {
      if (replaced[i].radv) *(PFN_vkVoidFunction *)replaced[i].radv = real;
      return (PFN_vkVoidFunction)replaced[i].own;
    }
  for (size_t i = 0; i < COUNT(succeeding); i++)
    if (!strcmp(name, succeeding[i])) return (PFN_vkVoidFunction)succeed;
  return strncmp(name, "vkCmd", 5) ? real : (PFN_vkVoidFunction)ignore;
}

static PFN_vkVoidFunction deviceFunction(VkDevice device, const char *name) {
  if (!radv.executables) {
    radv.executables = (void *)radv.device(device, "vkGetPipelineExecutablePropertiesKHR");
    radv.statistics = (void *)radv.device(device, "vkGetPipelineExecutableStatisticsKHR");
    radv.representations = (void *)radv.device(device, "vkGetPipelineExecutableInternalRepresentationsKHR");
  }
  return choose(name, radv.device(device, name));
}

/** A device with the extension that hands assembly out, whether or not the program asked for it. */
static VkResult createDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info, const VkAllocationCallbacks *allocator, VkDevice *out) {
  static const char *const wanted = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  VkDeviceCreateInfo own = *info;
  const char **names = malloc((info->enabledExtensionCount + 1) * sizeof *names);
  int have = 0;
  for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
    names[i] = info->ppEnabledExtensionNames[i];
    have |= !strcmp(names[i], wanted);
  }
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, (void *)info->pNext, VK_TRUE};
  if (!have) {
    names[own.enabledExtensionCount++] = wanted;
    own.pNext = &feature;
  }
  own.ppEnabledExtensionNames = names;
  VkResult result = radv.createDevice(physical, &own, allocator, out);
  free(names);
  return result;
}

static void load(void) {
  if (radv.instance) return;
  void *library = dlopen("libvulkan_radeon.so", RTLD_NOW);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    exit(9);
  }
  radv.instance = (InstanceLookup)dlsym(library, "vk_icdGetInstanceProcAddr");
  radv.physicalDevice = (InstanceLookup)dlsym(library, "vk_icdGetPhysicalDeviceProcAddr");
}

// --- What the Vulkan loader calls ----------------------------------------------------------------------------------

#define EXPORTED __attribute__((visibility("default")))

EXPORTED PFN_vkVoidFunction vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
  load();
  PFN_vkVoidFunction real = radv.instance(instance, name);
  if (!strcmp(name, "vkGetDeviceProcAddr")) {
    radv.device = (PFN_vkGetDeviceProcAddr)real;
    return (PFN_vkVoidFunction)deviceFunction;
  }
  if (!strcmp(name, "vkCreateDevice")) {
    radv.createDevice = (PFN_vkCreateDevice)real;
    return (PFN_vkVoidFunction)createDevice;
  }
  return choose(name, real);
}

EXPORTED PFN_vkVoidFunction vk_icdGetPhysicalDeviceProcAddr(VkInstance instance, const char *name) {
  load();
  return radv.physicalDevice ? choose(name, radv.physicalDevice(instance, name)) : NULL;
}

EXPORTED VkResult vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  load();
  return ((VkResult(*)(uint32_t *))dlsym(dlopen("libvulkan_radeon.so", RTLD_NOW), "vk_icdNegotiateLoaderICDInterfaceVersion"))(version);
}
