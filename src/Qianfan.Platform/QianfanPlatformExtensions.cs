using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Routing;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Quartz;
using Qianfan.Platform.Access;
using Qianfan.Platform.Data;
using Qianfan.Platform.Datasets;
using Qianfan.Platform.Exports;
using Qianfan.Platform.Files;
using Qianfan.Platform.FineTuning;
using Qianfan.Platform.Http;
using Qianfan.Platform.Inference;
using Qianfan.Platform.Models;
using Qianfan.Platform.OpenAI;
using Qianfan.Platform.Reference;
using Qianfan.Platform.Services;
using Qianfan.Platform.Spending;
using Qianfan.Platform.Usage;
using Qianfan.Platform.Workers;

namespace Qianfan.Platform;

/// <summary>Puts the platform into a host.</summary>
public static class QianfanPlatformExtensions
{
    /// <summary>Adds the platform with settings from a configuration section, which is read when the host starts.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="section">A section with the members of <see cref="PlatformOptions"/>.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddQianfanPlatform(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        services.AddOptions<PlatformOptions>().Bind(section);
        return Add(services);
    }

    /// <summary>Adds the platform with settings made in code.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Fills the settings in; called when the host starts.</param>
    /// <returns>The same services.</returns>
    public static IServiceCollection AddQianfanPlatform(this IServiceCollection services, Action<PlatformOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.AddOptions<PlatformOptions>().Configure(configure);
        return Add(services);
    }

    /// <summary>Maps the platform's routes: <c>/v1</c>, <c>/v2</c>, <c>/wenxinworkshop</c>, <c>/rpc/2.0</c> and <c>/oauth/2.0</c> answer JSON, whatever is asked. Maps nothing when <see cref="PlatformOptions.Api"/> is off.</summary>
    /// <remarks>Needs the host's authentication and authorization middleware.</remarks>
    /// <param name="endpoints">The host's routes.</param>
    /// <returns>The same routes.</returns>
    public static IEndpointRouteBuilder MapQianfanPlatform(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<PlatformOptions>>().Value;
        if (!options.Api) return endpoints;
        var routes = new RouteTable(endpoints);
        AccessApi.Map(routes);
        FilesApi.Map(routes);
        UploadsApi.Map(routes);
        DatasetsV1Api.Map(routes);
        DatasetsV2Api.Map(routes);
        DatasetExportsApi.Map(routes);
        FineTuningV1Api.Map(routes);
        FineTuningV2Api.Map(routes);
        ModelsApi.Map(routes);
        ExportsApi.Map(routes);
        ServicesApi.Map(routes);
        UsageApi.Map(routes);
        InferenceApi.Map(routes);
        FineTuningJobsApi.Map(routes);
        routes.Close(
            ("/v1", ApiFamilies.OpenAI),
            ("/v2", ApiFamilies.ConsoleV2),
            ("/wenxinworkshop", ApiFamilies.ConsoleV1),
            ("/wenxinworkshop/dataset", ApiFamilies.DatasetV1),
            ("/wenxinworkshop/entity", ApiFamilies.DatasetV1),
            ("/rpc/2.0", ApiFamilies.InferenceV1),
            ("/oauth/2.0", ApiFamilies.OAuth));
        if (options.ApiReference) ApiReference.Map(endpoints);
        return endpoints;
    }

    private static IServiceCollection Add(IServiceCollection services)
    {
        services.AddOptions<PlatformOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PlatformOptions>, PlatformOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IPlatformAccess, ConfiguredPlatformAccess>();
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, PlatformKeyHandler>(PlatformKeyDefaults.Scheme, null);
        services.AddAuthorizationBuilder()
            .AddPolicy(PlatformKeyDefaults.Policy, policy => policy.AddAuthenticationSchemes(PlatformKeyDefaults.Scheme).RequireAuthenticatedUser().RequireAssertion(Needs.AreMet));
        AddData(services);
        AddFeatures(services);
        AddScheduler(services);
        return services;
    }

    private static void AddData(IServiceCollection services)
    {
        services.AddSingleton<DataFolders>();
        services.AddSingleton<SqliteSettings>();
        services.AddDbContextFactory<PlatformDbContext>((provider, context) => context
            .UseSqlite(new SqliteConnectionStringBuilder { DataSource = provider.GetRequiredService<DataFolders>().Database }.ConnectionString)
            .AddInterceptors(provider.GetRequiredService<SqliteSettings>()));
        services.AddHostedService<PlatformDatabase>();
        services.AddHealthChecks().AddCheck<PlatformHealth>("platform");
    }

    private static void AddFeatures(IServiceCollection services)
    {
        services.AddSingleton<FileStore>().AddSingleton<UploadStore>();
        services.AddSingleton<BosFiles>().AddSingleton<DatasetService>().AddSingleton<DatasetEntities>().AddSingleton<DatasetExports>().AddSingleton<DatasetsV2>();
        services.AddSingleton<BaseModelCatalog>().AddSingleton<TaskSignals>().AddSingleton<TaskStore>().AddSingleton<TaskRows>().AddSingleton<TaskEventFeed>();
        services.AddSingleton<RunningTasks>().AddSingleton<TrainingQueue>().AddSingleton<TaskRunner>().AddSingleton<FineTuningService>();
        services.AddSingleton<ExportRunner>().AddSingleton<ExportService>();
        services.AddSingleton<ModelService>().AddSingleton<ServiceDirectory>().AddSingleton<ServiceService>().AddSingleton<ModelRouter>().AddSingleton<RateLimits>().AddSingleton<InferenceCalls>().AddSingleton<DecodingSlots>().AddSingleton<ServiceTroubles>().AddSingleton<ServiceMetricsReader>().AddSingleton<InferenceService>();
        services.AddSingleton<FineTunedModels>().AddSingleton<FineTuningJobs>().AddSingleton<ApiDocument>();
        services.TryAddSingleton<IWorkerLauncher, EngineLauncher>();
        services.AddSingleton<Ledger>().AddSingleton<Storage>().AddSingleton<RunLimits>().AddSingleton<UsageService>();
        // Each is a service that others talk to, and a loop that the host starts, and stops in the opposite order: calls that end then are still recorded.
        services.AddSingleton<UsageWriter>().AddHostedService(provider => provider.GetRequiredService<UsageWriter>());
        services.AddSingleton<Budgets>().AddHostedService(provider => provider.GetRequiredService<Budgets>());
        services.AddSingleton<DatasetImporter>().AddHostedService(provider => provider.GetRequiredService<DatasetImporter>());
        services.AddSingleton<TokenCounter>().AddHostedService(provider => provider.GetRequiredService<TokenCounter>());
        services.AddSingleton<ServingWorker>().AddHostedService(provider => provider.GetRequiredService<ServingWorker>());
        services.AddSingleton<DeploymentSupervisor>().AddHostedService(provider => provider.GetRequiredService<DeploymentSupervisor>());
        services.AddSingleton<ExportSupervisor>().AddHostedService(provider => provider.GetRequiredService<ExportSupervisor>());
        services.AddSingleton<TrainingSupervisor>().AddHostedService(provider => provider.GetRequiredService<TrainingSupervisor>());
    }

    private static void AddScheduler(IServiceCollection services)
    {
        services.AddSingleton<TrainingScheduler>();
        services.AddQuartz(TrainingScheduler.Name, quartz =>
        {
            quartz.UseDefaultThreadPool(1);
            quartz.UsePersistentStore(store =>
            {
                store.UseSystemTextJsonSerializer();
                store.UseSqlite(source => source.DataSourceServiceKey = TrainingScheduler.Name);
                store.ProvisionSchema();
            });
            quartz.AddJob<DispatchTrainingJob>(job => job.WithIdentity(DispatchTrainingJob.Key).StoreDurably().RequestRecovery());
            quartz.AddTrigger(trigger => trigger.ForJob(DispatchTrainingJob.Key).WithIdentity("sweep", "training").WithSimpleSchedule(schedule => schedule.WithInterval(TrainingScheduler.Sweep).RepeatForever()));
        });
        services.AddKeyedSingleton(TrainingScheduler.Name, (provider, _) => TrainingScheduler.OpenStore(provider.GetRequiredService<DataFolders>()));
        services.AddQuartzHostedService();
    }
}
