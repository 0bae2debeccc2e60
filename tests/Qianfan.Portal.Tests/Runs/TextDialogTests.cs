using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Features.Runs;
using Qianfan.Sdk.Protocol;

namespace Qianfan.Portal.Tests.Runs;

/// <summary>A dataset of texts in the dialog that starts runs: the rows tell how they are learnt.</summary>
public class TextDialogTests : RunComponents
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(Dataset.TextFormat, "PostPretrain")]
    [InlineData("OpenAiJsonLines", "SFT")]
    public async Task The_rows_of_a_dataset_choose_the_kind_of_training(string format, string mode)
    {
        await using (var database = Database.Contexts.CreateDbContext())
            await database.Datasets.Where(d => d.ProjectId == Database.Ours.ProjectId).ExecuteUpdateAsync(d => d.SetProperty(x => x.Format, format), Cancel);
        var texts = mode == "PostPretrain";
        var page = RenderInProject(_ => { });
        await page.InvokeAsync(() => Services.GetRequiredService<IDialogService>().ShowAsync<StartRunDialog>("New run", new DialogParameters<StartRunDialog> { { d => d.ProjectId, Database.Ours.ProjectId } }));
        await page.WaitForElement(".mud-expand-panel-header", s_patience).ClickAsync();
        page.WaitForAssertion(() => page.Markup.ShouldContain("1 – 50"), s_patience);

        page.FindAll("[data-testid=start-texts]").Count.ShouldBe(texts ? 1 : 0);
        // This platform goes on with pre-training in one way only, so that there is nothing to choose.
        page.FindAll("[data-testid=start-method]").Count.ShouldBe(texts ? 0 : 1);
        await page.WaitForElement("[data-testid=start-run-submit]:not([disabled])", s_patience).ClickAsync();

        await using var db = Database.Contexts.CreateDbContext();
        page.WaitForAssertion(() => db.Runs.Count().ShouldBe(1), s_patience);
        RunConfig.Of(await db.Runs.SingleAsync(Cancel)).TrainMode.ShouldBe(new TrainMode(mode));
    }
}
