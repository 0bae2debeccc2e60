using Qianfan.Engine.Pretraining;

if (args.Length == 0) return 2;
return args[0] switch
{
    "corpus" => CorpusCommand.Run(args[1..], Console.Error),
    "pretrain" => PretrainCommand.Run(args[1..], Console.Error, TimeProvider.System, CancellationToken.None),
    _ => 2,
};
