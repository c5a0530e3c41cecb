#include "strategies/train/run_train.hpp"

namespace windtunnel::strategies {

const std::map<std::string, base::FactInfo>& train_fact_info() {
  static const std::map<std::string, base::FactInfo> kInfo{
      {"iteration_time_s", {"iteration time", "s", "one training step, start to start"}},
      {"samples_per_s", {"samples", "1/s", "sequences or images a second, all GPUs"}},
      {"tokens_per_s", {"tokens", "1/s", "tokens a second, all GPUs"}},
      {"tokens_per_s_per_gpu", {"tokens per GPU", "1/s", "tokens a second and GPU"}},
      {"tokens_per_day", {"tokens a day", "", "tokens in 24 hours without interruption"}},
      {"days_to_tokens", {"days to the token count", "", "days to workload.total_tokens"}},
      {"model_flops_per_gpu_per_s",
       {"model FLOP/s per GPU", "flops/s", "3 x forward FLOPs, no recomputation, per GPU"}},
      {"hardware_flops_per_gpu_per_s",
       {"hardware FLOP/s per GPU", "flops/s", "model FLOPs and what is computed again, per GPU"}},
      {"mfu", {"MFU", "", "model FLOP/s over the dense peak of the precision"}},
      {"hfu", {"HFU", "", "hardware FLOP/s over the dense peak of the precision"}},
      {"parameters", {"parameters", "", "of the whole model, tied tables once"}},
      {"active_parameters", {"active parameters", "", "that one token passes through"}},
      {"gpus", {"GPUs", "", "of the job"}},
      {"micro_batches", {"micro-batches", "", "of a pipeline, per iteration"}},
      {"bubble_fraction",
       {"bubble", "", "bubble time / time of the passes of a stage: (p-1)/m for 1F1B"}},
      {"time_compute_s", {"compute", "s", "kernels of the critical stage"}},
      {"time_tensor_comm_s", {"tensor communication", "s", "exposed, on the critical stage"}},
      {"time_pipeline_comm_s",
       {"pipeline communication", "s", "what the schedule takes longer than with free sends"}},
      {"time_data_comm_s",
       {"data communication", "s", "exposed reduction of gradients and gathering of weights"}},
      {"time_expert_comm_s", {"expert communication", "s", "exposed all-to-all of experts"}},
      {"time_context_comm_s", {"context communication", "s", "exposed, of keys and values"}},
      {"time_bubble_s", {"bubble time", "s", "the critical stage waits for other stages"}},
      {"time_optimizer_s", {"optimizer", "s", "step, unscaling and norm of the gradients"}},
      {"time_data_loading_s", {"data loading", "s", "waiting for samples"}},
      {"time_other_s",
       {"other", "s", "host: launches that the device waits for, what stands still once a step"}},
      {"memory_total_bytes", {"memory", "bytes", "peak of the fullest stage"}},
      {"memory_weights_bytes", {"weights", "bytes", "of the fullest stage"}},
      {"memory_gradients_bytes", {"gradients", "bytes", "of the fullest stage"}},
      {"memory_optimizer_bytes", {"optimizer states", "bytes", "master copy included"}},
      {"memory_activations_bytes", {"activations", "bytes", "of the micro-batches in flight"}},
      {"memory_workspace_bytes",
       {"workspace", "bytes", "context, communicators, scratch, gathered weights, fragmentation"}},
      {"memory_capacity_bytes", {"memory of the GPU", "bytes", "as the device reports it"}},
      {"fits", {"fits", "", "1 where the peak is below the capacity less what is kept free"}},
      {"energy_per_iteration_j", {"energy", "j", "all GPUs at their power limit, times PUE"}},
      {"cost_per_iteration_usd", {"cost", "usd", "GPU hours and power of one iteration"}},
      {"software", {"software", "", "conventions the prediction stands for"}},
      {"profile", {"profile", "", "kernel times from"}},
      {"schedule", {"schedule", "", "of the pipeline"}},
  };
  return kInfo;
}

}  // namespace windtunnel::strategies
