// The headline sections of a View as GitHub-flavoured Markdown, and one table of it.
#pragma once

#include <string>

#include "reports/result.hpp"
#include "reports/view.hpp"

namespace windtunnel::reports {

std::string to_markdown(const Result& result);
std::string to_markdown(const View& view);
std::string to_markdown(const ViewTable& table);

}  // namespace windtunnel::reports
