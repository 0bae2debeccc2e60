using Qianfan.Portal.Components;
using Qianfan.Portal.Features.Account;
using Qianfan.Portal.Features.Admin;
using Qianfan.Portal.Features.ApiKeys;
using Qianfan.Portal.Features.Audit;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Console;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Models;
using Qianfan.Portal.Features.Projects;
using Qianfan.Portal.Features.Quotas;
using Qianfan.Portal.Features.Runs;
using Qianfan.Portal.Features.Services;
using Qianfan.Portal.Features.Setup;
using Qianfan.Portal.Features.Teams;
using Qianfan.Portal.Features.Usage;
using Qianfan.Portal.Data;
using Qianfan.Portal.Hosting;

var builder = WebApplication.CreateBuilder(args);
var roles = builder.AddHosting();
if (roles.Portal)
    builder.Services
        .AddData().AddPages().AddAccount().AddSetup()
        .AddTeams().AddProjects().AddPlatformConnections().AddApiKeys()
        .AddDatasets().AddRuns().AddModels().AddServices().AddConsole()
        .AddQuotas().AddUsage().AddAudit().AddAdmin();
builder.AddPlatform(roles);

var app = builder.Build();
app.UseHosting();
if (roles.Portal)
    app.MapPages().MapAccount().MapSetup()
        .MapTeams().MapProjects().MapConnections().MapApiKeys()
        .MapDatasets().MapRuns().MapModels().MapServices().MapConsole()
        .MapQuotas().MapUsage().MapAudit().MapAdmin();
app.MapPlatform();
await app.RunAsync();
